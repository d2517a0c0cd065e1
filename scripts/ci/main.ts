import { readFileSync } from "node:fs";
import { type TestReport, type Verdict, verdictOf } from "./test-report.ts";

const help = `Prints what vitest's JSON report says as the line "N passed, N failed"; ends with code 1 when not all is well.

tsx scripts/ci/main.ts <report.json>
`;

const [file] = process.argv.slice(2);
if (file === undefined || file === "--help" || file === "-h") console.log(help);
else {
  const { passed, failed, problems } = read(file);
  for (const problem of problems) console.log(problem);
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0 || passed === 0 || problems.length > 0) process.exitCode = 1;
}

/** A run without a report is one failure. */
function read(path: string): Verdict {
  try {
    return verdictOf(JSON.parse(readFileSync(path, "utf8")) as TestReport, (name) => readFileSync(name, "utf8"));
  } catch (error) {
    return { passed: 0, failed: 1, problems: [`There is no usable test report: ${String(error)}`] };
  }
}
