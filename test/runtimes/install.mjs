import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs the tools, if they are missing or outdated, and the packed package as an application would. @param {string}
 * folder
 */
export function install(folder) {
  const root = join(folder, '../..');
  const installed = join(folder, 'node_modules/.installed');
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], {
      cwd: folder,
      stdio: 'inherit',
    });
    writeFileSync(installed, lock);
  }
  const target = join(folder, 'node_modules/model-router');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', target], { cwd: root, encoding: 'utf8' });
  const { filename } = JSON.parse(packed)[0];
  execFileSync('tar', ['-xzf', join(target, filename), '-C', target, '--strip-components', '1']);
}
