import { afterEach, beforeEach, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { storeRates } from "./fx.fixture.ts";
import { fxVersionAt } from "./fx-past.ts";
import { fxBook, type OrgFxHead, type OrgFxMonth, orgFxHeadPath, orgFxMonthPath } from "./fx-store.ts";

const org = { key: "acme" };
let documents: Documents;

beforeEach(() => {
  const clock = { now: () => new Date("2026-03-09T00:00:00Z") };
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  documents = sqliteDocuments({ file: ":memory:", clock, declared });
});
afterEach(() => documents.close());

const instant = (day: number): string => `2026-03-0${day}T12:00:00.000Z`;
const versions = (days: number[]) => Promise.all(days.map((day) => fxVersionAt(org, instant(day), documents)));

it("is that of an empty book before there was any rate", async () => {
  expect(await versions([1])).toEqual(["m0.o0"]);
});

it("is the market's last one by then, whichever months it came in", async () => {
  const loads = [
    { day: 2, rates: { "2026-02-10": { USD: "1.1" } } },
    { day: 3, rates: { "2026-03-02": { USD: "1.2" } } },
    { day: 5, rates: { "2026-02-10": { USD: "1.15" } } },
    { day: 6, rates: { "2026-01-05": { USD: "1.3" } } },
  ];
  for (const { day, rates } of loads) await storeRates(documents, rates, { force: true, recordedAt: instant(day) });

  const market = [0, 1, 2, 2, 3, 4, 4];
  expect(await versions([1, 2, 3, 4, 5, 6, 7])).toEqual(market.map((version) => `m${version}.o0`));
  expect((await fxBook(org, documents)).version).toBe("m4.o0");
});

it("follows the organization's own rates, set and taken back", async () => {
  const rate = { from: "EUR", to: "USD", rate: "2", reason: "contract", createdBy: "key", deletedBy: null };
  const stored = [
    { createdAt: instant(2), setVersion: 1, deletedAt: instant(5), deletedVersion: 3 },
    { createdAt: instant(4), setVersion: 2, deletedAt: null, deletedVersion: null },
  ];
  await documents.transaction(async (tx) => {
    tx.create<OrgFxHead>(orgFxHeadPath(org), { fxVersion: 3, months: ["2026-02"] });
    const rates = stored.map((own, at) => ({
      ...rate,
      ...own,
      id: `fx_${at}`,
      start: "2026-02-01",
      end: "2026-02-28",
    }));
    tx.create(orgFxMonthPath(org, "2026-02"), { orgId: "org_1", month: "2026-02", rates } as unknown as OrgFxMonth);
  });

  expect(await versions([1, 2, 3, 4, 5, 6])).toEqual(["m0.o0", "m0.o1", "m0.o1", "m0.o2", "m0.o3", "m0.o3"]);
});
