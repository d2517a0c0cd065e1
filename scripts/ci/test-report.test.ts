import { describe, expect, it } from "vitest";
import { type TestReport, verdictOf } from "./test-report.ts";

const sources: Record<string, string> = {
  "/r/a.test.ts": `inject(${JSON.stringify("firestoreEmulator")})`,
  "/r/b.test.ts": `inject(${JSON.stringify("pubsubEmulator")})`,
  "/r/c.test.ts": "",
};
const textOf = (path: string): string => sources[path] ?? "";

function file(name: string, statuses: string[], status = "passed"): TestReport["testResults"][number] {
  const assertionResults = statuses.map((each, at) => ({ status: each, fullName: `${name} ${at}` }));
  return { name, status, message: "SyntaxError: x\n  at y", assertionResults };
}

describe("the verdict on a test run", () => {
  it("counts passed and failed tests, not skipped ones", () => {
    const testResults = [
      file("/r/a.test.ts", ["passed", "skipped"]),
      file("/r/b.test.ts", ["passed"]),
      file("/r/c.test.ts", ["failed", "passed"], "failed"),
    ];

    expect(verdictOf({ testResults }, textOf)).toEqual({ passed: 3, failed: 1, problems: [] });
  });

  it("counts a file that did not load as a failure", () => {
    const testResults = [
      file("/r/a.test.ts", ["passed"]),
      file("/r/b.test.ts", ["passed"]),
      file("/r/c.test.ts", [], "failed"),
    ];

    const verdict = verdictOf({ testResults }, textOf);

    expect(verdict).toEqual({ passed: 2, failed: 1, problems: ["/r/c.test.ts did not run: SyntaxError: x"] });
  });

  it("names a suite that skipped everything for want of its emulator", () => {
    const testResults = [file("/r/a.test.ts", ["skipped", "pending"]), file("/r/b.test.ts", ["passed"])];

    const { problems } = verdictOf({ testResults }, textOf);

    expect(problems).toEqual(["no test of /r/a.test.ts was executed, which needs the firestoreEmulator"]);
  });

  it("notices when no suite asks for an emulator any more", () => {
    const { problems } = verdictOf({ testResults: [file("/r/b.test.ts", ["passed"])] }, textOf);

    expect(problems).toEqual(["no suite ran against the firestoreEmulator"]);
  });
});
