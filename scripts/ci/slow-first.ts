import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Suites of minutes and those that start many hosts, in this order; a worker that meets one at the end works on alone. */
const slow = [
  "scripts/matrices/bad-input",
  "scripts/e2e/crash",
  "scripts/matrices/access-matrix",
  "scripts/matrices/",
  "scripts/build/",
  "functions/",
  "scripts/e2e/",
  "shared/imports/",
  "shared/providers/focus/",
  "shared/history/",
];

/** Files that are known to be slow first, so that no worker is left alone with one; the others as vitest orders them. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rankOf(a.moduleId) - rankOf(b.moduleId));
  }
}

function rankOf(file: string): number {
  const at = slow.findIndex((part) => file.includes(`/${part}`));
  return at < 0 ? slow.length : at;
}
