// Prints `PASSED FAILED` of one of vitest's JSON reports, for `.ci/run`. A file that could not be run counts as one failure.
import { readFileSync } from 'node:fs';

/** @type {{ numPassedTests: number; numFailedTests: number; testResults: { status: string; assertionResults: { status: string }[] }[] }} */
const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
);
console.log(report.numPassedTests, report.numFailedTests + brokenFiles.length);
