import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";
import { emptyQuota, type QuotaDocument } from "./quota.ts";
import { quotaPath, type Reservation, type ReservePorts, reserve } from "./reserve.ts";

const org: OrgIdentity = { slug: "acme", key: "acme", orgId: "org_01" };
const starter: SubscriptionDocument = {
  subscriptionId: "sub_01",
  plan: "STARTER",
  status: "ACTIVE",
  hold: false,
  overrides: { daily: 20, concurrent: 20 },
  trialEndsAt: null,
  graceEndsAt: null,
  endDate: null,
};

describe("reservations that wait together", () => {
  let documents: Documents;
  let ports: ReservePorts;
  let refusals: string[];
  let now: string;
  beforeEach(async () => {
    now = "2026-02-28T23:59:30.250Z";
    refusals = [];
    const clock = { now: () => new Date(now) };
    // Bodies run twice, as they may in Firestore.
    documents = sqliteDocuments({
      file: ":memory:",
      clock,
      declared: async () => declareQueries([]),
      runBodiesTwice: true,
    });
    const metrics = {
      ...noMetrics,
      count: (_: string, labels: Record<string, string>) => refusals.push(labels["limit"] ?? ""),
    };
    ports = { documents, topics: inProcessTopics(), clock, ids: systemIds, metrics };
    await store(subscriptionPath(org), starter);
  });
  afterEach(() => documents.close());

  async function store(path: string, body: object): Promise<void> {
    await documents.transaction(async (tx) => {
      await tx.get(path);
      tx.set(path, body);
    });
  }
  const quota = async () => (await documents.get<QuotaDocument>(quotaPath(org))).body;
  const ask = (count: number, changed: (at: number) => Partial<Reservation<string>> = () => ({})) =>
    Promise.allSettled(
      Array.from({ length: count }, (_, at) => reserve(org, { ...plain(`run_${at}`), ...changed(at) }, ports)),
    );

  it("are admitted in the order of their arrival and refused beyond the limit, with nothing written for a refusal", async () => {
    const answers = await ask(30);

    expect(answers.map(told)).toEqual([
      ...Array.from({ length: 20 }, (_, at) => `run_${at}`),
      ...Array.from({ length: 10 }, () => "QUOTA_EXCEEDED"),
    ]);
    expect(refusals).toEqual(Array.from({ length: 10 }, () => "daily"));
    expect(await quota()).toMatchObject({ day: "2026-02-28", dayRuns: 20, monthRuns: 20 });
    expect((await documents.get("things/run_20")).version).toBe(0);
  });

  it("are one run where they have one key", async () => {
    const answers = await ask(50, () => ({ uniqueKey: "same" }));

    expect(answers.map(told)).toEqual(["run_0", ...Array.from({ length: 49 }, () => "again run_0")]);
    expect(await quota()).toMatchObject({ dayRuns: 1, monthRuns: 1 });
  });

  it("are more than a hundred admissions, and none is lost between two transactions", async () => {
    await store(subscriptionPath(org), { ...starter, plan: "SCALE", overrides: { concurrent: 250 } });

    const answers = await ask(700);

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(250);
    expect(new Set(answers.map(told)).size).toBe(251);
    expect(await quota()).toMatchObject({ dayRuns: 250, dayMaxConcurrent: 250 });
  });

  it("are admitted by the hundred also when midnight comes while many at once are refused", async () => {
    await store(subscriptionPath(org), { ...starter, overrides: { daily: 300, monthly: null, concurrent: null } });
    await store(quotaPath(org), { ...emptyQuota(new Date(now)), dayRuns: 300 });
    const midnight = (): void => {
      now = "2026-03-01T00:00:00.000Z";
    };
    ports = { ...ports, metrics: { ...noMetrics, count: midnight } };
    const admissions = new Map<Change, number>();

    const answers = await ask(700, (at) => ({
      admit: (_, change) => {
        admissions.set(change, (admissions.get(change) ?? 0) + 1);
        return `run_${at}`;
      },
    }));

    const refused = (count: number) => Array.from({ length: count }, () => "QUOTA_EXCEEDED");
    const admitted = Array.from({ length: 300 }, (_, at) => `run_${100 + at}`);
    expect(answers.map(told)).toEqual([...refused(100), ...admitted, ...refused(300)]);
    expect(Math.max(...admissions.values())).toBe(100);
  });

  it("do not suffer from one that is refused for itself", async () => {
    const answers = await ask(4, (at) => {
      if (at === 1) return { prepare: async () => Promise.reject(new AppError("IDEMPOTENCY_IN_PROGRESS", "running")) };
      if (at === 2)
        return {
          check: () => {
            throw new AppError("INTEGRATION_INVALID", "expired");
          },
        };
      return {};
    });

    expect(answers.map(told)).toEqual(["run_0", "IDEMPOTENCY_IN_PROGRESS", "INTEGRATION_INVALID", "run_3"]);
    expect(await quota()).toMatchObject({ dayRuns: 2 });
  });

  it("all fail, and nothing is admitted, when the store does not answer one of them", async () => {
    const unavailable = new AppError("DOCUMENTS_UNAVAILABLE", "no answer", { retryable: true });

    const answers = await ask(3, (at) => (at === 1 ? { prepare: async () => Promise.reject(unavailable) } : {}));

    expect(answers.map(told)).toEqual(Array.from({ length: 3 }, () => "DOCUMENTS_UNAVAILABLE"));
    expect(await quota()).toBeUndefined();
  });

  it("go on after a transaction that failed", async () => {
    await ask(1, () => ({ prepare: async () => Promise.reject(new Error("a bug")) }));

    expect((await ask(2)).map(told)).toEqual(["run_0", "run_1"]);
  });

  it("meet a changed subscription at the next reservation", async () => {
    await store(subscriptionPath(org), { ...starter, overrides: { daily: 1 } });
    const [, second] = await ask(2);
    await store(subscriptionPath(org), {
      ...starter,
      plan: "PROFESSIONAL",
      overrides: { daily: 1000, monthly: 25_000 },
    });
    const [third] = await ask(1, () => plain("run_third"));
    await store(subscriptionPath(org), { ...starter, overrides: { daily: 1 } });
    const [fourth] = await ask(1, () => plain("run_fourth"));
    await store(subscriptionPath(org), { ...starter, overrides: { daily: null, concurrent: null } });
    const [fifth] = await ask(1, () => plain("run_fifth"));

    expect([second, third, fourth, fifth].map((one) => one && told(one))).toEqual([
      "QUOTA_EXCEEDED",
      "run_third",
      "QUOTA_EXCEEDED",
      "run_fifth",
    ]);
    expect(Object.keys((await quota())?.running ?? {})).toEqual(["run_0", "run_third", "run_fifth"]);
  });

  it.each([
    ["day", { dayRuns: 20 }, "daily", 30, "Daily pipeline limit of 20 is reached; it resets at 00:00 UTC."],
    ["month", { dayRuns: 20, monthRuns: 180 }, "monthly", 30, "Monthly pipeline limit of 180 is reached"],
    [
      "concurrency",
      { running: slots(20, "2026-03-01T00:00:12.350Z") },
      "concurrent",
      43,
      "Concurrent pipeline limit of 20 is reached",
    ],
  ])(
    "say of the %s which limit, what value and when to come again",
    async (_, counters, limit, retryAfterSeconds, message) => {
      await store(quotaPath(org), { ...emptyQuota(new Date(now)), ...counters });

      const [answer] = await ask(1);

      expect(answer).toMatchObject({
        reason: {
          code: "QUOTA_EXCEEDED",
          message: expect.stringContaining(message),
          retryAfterSeconds,
          extra: { quota: limit },
          fields: [{ path: `/quota/${limit}` }],
        },
      });
    },
  );

  it("are refused for the subscription before anything else, with its status and no wait", async () => {
    await store(subscriptionPath(org), { ...starter, status: "CANCELLED", overrides: { daily: 0 } });

    const [answer] = await ask(1, () => ({ existing: () => "an older run" }));

    expect(answer).toMatchObject({
      reason: {
        code: "SUBSCRIPTION_INACTIVE",
        message: expect.stringMatching(/is CANCELLED: choose a plan under billing/),
        retryAfterSeconds: undefined,
        fields: [{ path: "/subscription/status" }],
      },
    });
  });

  it("are admitted again at midnight by the store's clock, without any job", async () => {
    await store(quotaPath(org), { ...emptyQuota(new Date(now)), dayRuns: 20, monthRuns: 180 });
    now = "2026-03-01T00:00:00.000Z";

    await ask(1);

    expect(await quota()).toMatchObject({ day: "2026-03-01", month: "2026-03", dayRuns: 1, monthRuns: 1 });
  });
});

function plain(runId: string): Reservation<string> {
  return {
    runId,
    uniqueKey: runId,
    reads: [],
    prepare: async () => {},
    existing: () => undefined,
    check: () => {},
    admit: (_, change) => {
      change.create(`things/${runId}`, {});
      return runId;
    },
    repeat: (first) => `again ${first}`,
  };
}

function told(answer: PromiseSettledResult<string>): string {
  if (answer.status === "fulfilled") return answer.value;
  return isAppError(answer.reason) ? answer.reason.code : String(answer.reason);
}

function slots(count: number, until: string): QuotaDocument["running"] {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`live_${at}`, { until }]));
}
