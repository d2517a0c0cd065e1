import { afterEach, describe, expect, it } from "vitest";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { exactCache } from "./frame-cache.ts";
import { ledgerSnapshot } from "./ledger-snapshot.ts";
import { freshStores, publish, type Stores } from "./publication.fixture.ts";

const opened: Stores[] = [];

afterEach(async () => {
  for (const stores of opened.splice(0)) await stores.close();
});

async function publishedStores(): Promise<Stores> {
  const stores = await freshStores({ now: "2026-03-05T06:00:00Z" });
  opened.push(stores);
  await publishEmpty(stores, "2026-02-01");
  await publishEmpty(stores, "2026-03-01");
  return stores;
}

function publishEmpty(stores: Stores, day: string): Promise<void> {
  return publish(stores, { pipelineId: "openai-cost-daily", charges: [], emptyDays: [day] });
}

/** Lets something happen between the reading of the versions and that of the months, as often as told. */
function interrupted(documents: Documents, times: number, happen: () => Promise<void>): Documents {
  let left = times;
  const getAll: Documents["getAll"] = async <T extends object>(paths: readonly string[]) => {
    const snapshots = await documents.getAll<T>(paths);
    if (left-- > 0) await happen();
    return snapshots;
  };
  return { ...documents, getAll };
}

function read(stores: Stores, documents: Documents) {
  const asked = { org: stores.org, months: ["2026-01", "2026-02", "2026-03"], epoch: 1, cacheEpoch: 0 };
  return ledgerSnapshot(
    asked,
    documents,
    exactCache<PublishedMonth>(1_000_000, () => 1),
  );
}

describe("ledgerSnapshot", () => {
  it("reads the versions and days of all months, 0 where nothing was published", async () => {
    const stores = await publishedStores();

    const snapshot = await read(stores, stores.documents);

    expect(snapshot.versions).toEqual({ "2026-01": 0, "2026-02": 1, "2026-03": 1 });
    expect(snapshot.months.map(({ month, days }) => [month, days.map(({ day }) => day)])).toEqual([
      ["2026-02", ["2026-02-01"]],
      ["2026-03", ["2026-03-01"]],
    ]);
  });

  it("is taken again as a whole when a publication came in between", async () => {
    const stores = await publishedStores();
    const documents = interrupted(stores.documents, 1, async () => {
      await publishEmpty(stores, "2026-02-02");
      await publishEmpty(stores, "2026-03-02");
    });

    const snapshot = await read(stores, documents);

    expect(snapshot.versions).toEqual({ "2026-01": 0, "2026-02": 2, "2026-03": 2 });
    for (const month of snapshot.months) expect([month.version, month.days.length]).toEqual([2, 2]);
  });

  it("gives up, to be tried again, when the ledger never holds still", async () => {
    const stores = await publishedStores();
    let day = 1;
    const documents = interrupted(stores.documents, 100, () =>
      publishEmpty(stores, `2026-03-${String(++day).padStart(2, "0")}`),
    );

    const error = await read(stores, documents).catch((thrown: unknown) => thrown);

    expect(isAppError(error, "READ_BUSY") && error.retryable).toBe(true);
  });
});
