// Prints `PASSED FAILED` of one of vitest's JSON reports, for `.ci/run`, and the failures on stderr. A file that could
// not be run counts as one failure.
import { readFileSync } from 'node:fs';

/** @type {{ numPassedTests: number; numFailedTests: number; testResults: { name: string; status: string; assertionResults: { fullName: string; status: string; failureMessages?: string[] }[] }[] }} */
const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const failed = report.testResults.flatMap(({ name, status, assertionResults }) => {
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length > 0)
    return tests.map(({ fullName, failureMessages = [] }) => `${name}: ${fullName}\n${failureMessages[0] ?? ''}`);
  return status === 'failed' ? [`${name}: it could not be run`] : [];
});
console.log(report.numPassedTests, failed.length);
for (const each of failed) console.error(`FAILED: ${each}`);
