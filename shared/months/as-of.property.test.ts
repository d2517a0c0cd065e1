import fc from "fast-check";
import { expect, it } from "vitest";
import { freshStores, publish } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { createAdjustment } from "./adjust.ts";
import { closeCosts } from "./close.ts";
import { reopenCosts } from "./reopen.ts";

const config = await readConfiguration({ ENVIRONMENT: "test" });
const caller = { kind: "root" as const, credentialId: "root" as const };
/** Leap day and month ends among them. */
const days = ["2028-01-31", "2028-02-10", "2028-02-29", "2028-03-01"];
const range = { start_date: "2028-01-01", end_date: "2028-12-31" };

const month = fc.constantFrom("2028-01", "2028-02", "2028-03");
const step = fc
  .oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("pull" as const),
        days: fc.subarray(days, { minLength: 1 }),
        amount: fc.constantFrom(null, "1", "2.5", "-0.000000000001", "100000000000000.000000000001"),
        currency: fc.constantFrom("USD", "EUR"),
        pipelineId: fc.constantFrom("openai-cost-usage-cost", "gcp-cost-billing"),
        fence: fc.constantFrom("new" as const, "new" as const, "old" as const),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("close" as const, "reopen" as const), month }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("adjust" as const), month }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("rate" as const), usd: fc.constantFrom("1.1", "1.25") }) },
  )
  .chain((one) => fc.constantFrom<number>(0, 1, 30, 700).map((hours) => ({ ...one, hours })));
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** Late data of a closed month, twice, beside a person's correction; then it is opened, closed and corrected anew. */
const everyChange: Step[] = (() => {
  const pull = { kind: "pull" as const, days: ["2028-02-10"], pipelineId: "gcp-cost-billing" as const, hours: 1 };
  const pulled = (amount: "1" | "2.5" | null): Step => ({ ...pull, amount, currency: "EUR", fence: "new" });
  const at = { month: "2028-02" as const, hours: 30 };
  return [
    ...[pulled("2.5"), { kind: "rate" as const, usd: "1.1" as const, hours: 1 }, { kind: "close" as const, ...at }],
    ...[{ kind: "adjust" as const, ...at }, pulled("1"), pulled(null)],
    ...[{ kind: "rate" as const, usd: "1.25" as const, hours: 1 }, { kind: "reopen" as const, ...at }, pulled("1")],
    ...[{ kind: "close" as const, ...at }, pulled("2.5"), { kind: "reopen" as const, ...at }],
  ];
})();

/** An organization's books with a clock that steps move. */
async function freshBooks() {
  const time = { now: "2028-03-20T00:00:00.000Z" };
  const stores = await freshStores(time);
  const ports = { ...stores, config, topics: inProcessTopics({}), ids: systemIds };
  const effects = <T>(): Effects<T> => ({
    commit: (body) => commitChange(body, ports),
    prepare: async () => {},
    conclude: () => {},
    audit: () => {},
  });
  let fence = 10;

  async function work(one: Step): Promise<unknown> {
    const { org } = stores;
    if (one.kind === "pull") return pull(one);
    if (one.kind === "rate") {
      const rates = Object.fromEntries(days.map((day) => [day, { USD: one.usd }]));
      return storeRates(stores.documents, rates, { force: true, recordedAt: time.now });
    }
    if (one.kind === "reopen")
      return reopenCosts({ org, month: one.month, body: { reason: "late invoice" } }, effects());
    if (one.kind === "close")
      return closeCosts({ org, caller, month: one.month, body: { accept_incomplete: true } }, effects(), ports);
    const body = { amount: "-3.25", currency: "EUR", provider: "gcp", service: "Storage", reason: "credit note" };
    return createAdjustment({ org, caller, month: one.month, body }, effects(), ports);
  }

  async function pull(one: Extract<Step, { kind: "pull" }>): Promise<void> {
    const { amount, currency, pipelineId } = one;
    const charge = { provider: "gcp", category: "cloud", service: "Storage", currency };
    const charges = amount === null ? [] : one.days.map((day) => ({ ...charge, day, billed: amount }));
    const pulled = { pipelineId, charges, emptyDays: amount === null ? one.days : [], isJournalled: true };
    await publish(stores, { ...pulled, fence: one.fence === "new" ? ++fence : fence - 2 });
  }

  return {
    async take(one: Step): Promise<string> {
      time.now = new Date(Date.parse(time.now) + one.hours * 3_600_000).toISOString();
      await work(one).catch((error: unknown) => {
        if (!isAppError(error)) throw error;
      });
      return time.now;
    },
    async said(asOf?: string): Promise<string> {
      const query = { ...range, ...(asOf === undefined ? {} : { as_of: asOf }) };
      // What was remembered at the time must not answer for what is read now.
      const fresh = { ...ports, documents: { ...stores.documents } };
      const { cache_hit, query_time_ms, as_of, ...answer } = await readSummary({ org: stores.org, query }, fresh);
      expect(as_of).toBe(asOf ?? null);
      return JSON.stringify(answer);
    },
    close: () => stores.close(),
  };
}

it("costs as of any past instant are what they were then, to the byte, whatever came afterwards (I7)", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), async (steps) => {
      const books = await freshBooks();
      const known = new Map<string, string>();
      try {
        for (const one of steps) known.set(await books.take(one), await books.said());

        for (const [instant, said] of known) expect(await books.said(instant), instant).toBe(said);
      } finally {
        await books.close();
      }
    }),
    { numRuns: 12, examples: [[everyChange]] },
  );
}, 120_000);
