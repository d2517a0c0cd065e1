import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest, longest first, then the rooms whose suites start hosts; a worker that meets one at the end works on alone. */
const slow = [
  "scripts/matrices/bad-input",
  "scripts/e2e/crash",
  "scripts/matrices/audit-rows",
  "scripts/simulation/",
  "scripts/matrices/access-matrix",
  "scripts/e2e/reprice",
  "scripts/e2e/new-user",
  "shared/imports/",
  "scripts/e2e/reservations",
  "scripts/matrices/",
  "functions/subscriptions/",
  "scripts/e2e/",
  "scripts/build/",
  "scripts/load/",
  "scripts/start/",
  "shared/providers/focus/",
  "shared/history/",
  "shared/organizations/",
  "shared/months/",
  "shared/ledger/",
  "functions/",
  "shared/platform/",
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
