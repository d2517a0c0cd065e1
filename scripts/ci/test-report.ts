/** The part of vitest's JSON report that is read. */
export interface TestReport {
  testResults: {
    /** Absolute path of the test file. */
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

export interface Verdict {
  passed: number;
  failed: number;
  /** Why the run is no success beyond its failed tests. */
  problems: string[];
}

const emulators = ["firestoreEmulator", "pubsubEmulator"];

/**
 * Counts a run and finds what a green run may hide: a file that did not load counts as one failure, and every file that
 * asks for an emulator must have executed tests. `textOf` gives a test file's source.
 */
export function verdictOf(report: TestReport, textOf: (path: string) => string): Verdict {
  const count = (status: string): number =>
    report.testResults.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  const problems = [
    ...broken.map(({ name, message }) => `${name} did not run: ${message?.split("\n")[0] ?? "no reason given"}`),
    ...emulators.flatMap((emulator) => emulatorProblems(emulator, report, textOf)),
  ];
  return { passed: count("passed"), failed: count("failed") + broken.length, problems };
}

function emulatorProblems(emulator: string, report: TestReport, textOf: (path: string) => string): string[] {
  const files = report.testResults.filter(({ name }) => textOf(name).includes(`inject("${emulator}")`));
  if (files.length === 0) return [`no suite ran against the ${emulator}`];
  const idle = files.filter((file) => file.assertionResults.every(({ status }) => status !== "passed"));
  return idle.map(({ name }) => `no test of ${name} was executed, which needs the ${emulator}`);
}
