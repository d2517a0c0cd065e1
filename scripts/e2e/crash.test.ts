import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import type { MonthHead, PipelineMonth } from "#shared/ledger/ledger.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { activeRunPath, runCollection, runIndexPath } from "#shared/pipelines/run-paths.ts";
import { systemClock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { open } from "#shared/platform/embedded/documents.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { chargeOn, csvOf } from "#shared/providers/focus/fixtures/focus-csv.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { type CrashPlatform, crashPlatform } from "./crash-platform.ts";
import { call, root } from "./journey.ts";

const days = { start_date: "2026-07-31", end_date: "2026-08-01" };
const months = ["2026-07", "2026-08"] as const;
const atOnce = 8;
const forEver = Number.MAX_SAFE_INTEGER;

/** A provider whose runs of two days are killed; of two months where it can be, for what lies between two publications. */
interface Case {
  provider: string;
  pipelineId: string;
  credential: Record<string, unknown>;
  path(slug: string): string;
  body: string | Buffer;
}

const cases: readonly Case[] = [
  {
    provider: "openai",
    pipelineId: "openai-cost-usage-cost",
    credential: { api_key: "sk-admin-sim-crashing1" },
    path: (slug) => `/api/v1/pipelines/run/${slug}/openai/cost/usage_cost`,
    body: JSON.stringify(days),
  },
  {
    provider: "anthropic",
    pipelineId: "anthropic-usage-cost",
    // An account with few rows; a pseudonym would be another in every organization.
    credential: { credential: "sk-ant-admin-sim-example-golden", user_detail: "email" },
    path: (slug) => `/api/v1/pipelines/run/${slug}/anthropic/usage_cost`,
    body: JSON.stringify({ start_date: "2026-07-01", end_date: "2026-07-02" }),
  },
  {
    provider: "focus",
    pipelineId: "focus-cost-import",
    credential: {},
    path: (slug) => `/api/v1/integrations/${slug}/focus/imports`,
    body: csvOf([chargeOn("2026-07-31", "1.25"), chargeOn("2026-08-01", "-3.20")]),
  },
];

/** An organization whose one run is killed after so many durable effects, and, unless null, once more after others. */
interface Victim {
  of: Case;
  slug: string;
  key: string;
  first: number;
  second: number | null;
}

describe("kill -9 of the host after every durable effect of a run, for three providers", () => {
  let folder: string;
  let simulator: Awaited<ReturnType<typeof startSimulator>>;
  let platform: CrashPlatform;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cost-atlas-"));
    simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
    await createKeyRing(join(folder, "key-ring.json"));
    platform = await crashPlatform(folder, simulator.url);
    await platform.ask({ arm: {} });
  }, 120_000);
  afterAll(async () => {
    await platform.end();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function onboarded(of: Case, slug: string): Promise<string> {
    const request = {
      org_slug: slug,
      company_name: `${slug} GmbH`,
      admin_email: "admin@example.com",
      subscription_plan: "SCALE",
    };
    const made = await call(platform, "POST", "/api/v1/organizations/onboard", {
      headers: root(platform),
      body: request,
    });
    expect(made.status, JSON.stringify(made.body)).toBe(200);
    const key = String(made.body["api_key"]);
    const connected = await call(platform, "POST", `/api/v1/integrations/${slug}/${of.provider}/setup`, {
      headers: { "x-api-key": key },
      body: of.credential,
    });
    expect(connected.body, JSON.stringify(connected.body)).toMatchObject({ success: true });
    return key;
  }

  async function victim(of: Case, at: { first: number; second: number | null }): Promise<Victim> {
    const slug = `${of.provider}${String(at.first).padStart(3, "0")}`;
    return { of, slug, key: await onboarded(of, slug), ...at };
  }

  /** Answers the status; 0 where the process is gone before it answers. */
  async function triggered({ of, slug, key }: Victim): Promise<number> {
    const headers = { "x-api-key": key, "content-type": "application/octet-stream" };
    try {
      const { status } = await fetch(platform.url + of.path(slug), { method: "POST", headers, body: of.body });
      return status;
    } catch {
      return 0;
    }
  }

  async function statusOf({ slug }: Victim): Promise<string | undefined> {
    const { body } = await call(platform, "GET", `/api/v1/pipelines/${slug}/runs`, { headers: root(platform) });
    return (body["runs"] as { status: string }[])[0]?.status;
  }

  /** Its run has ended, or stands still where it was to be killed. */
  async function ended(one: Victim): Promise<void> {
    await expect
      .poll(
        async () => platform.frozen.has(one.slug) || ["COMPLETED", "FAILED"].includes((await statusOf(one)) ?? ""),
        {
          timeout: 120_000,
          interval: 100,
        },
      )
      .toBe(true);
  }

  /** Lets every run go on, asks again where none was made, waits, and kills the process. */
  async function nextLife(victims: readonly Victim[], arm: Record<string, number>): Promise<string[]> {
    await platform.start();
    const without = await inTurns(victims, async (one) => ((await statusOf(one)) === undefined ? one : undefined));
    await platform.ask({ arm });
    const answers = without.filter((one) => one !== undefined).map((one) => triggered(one));
    for (const one of victims) await ended(one);
    const killed = [...platform.frozen];
    if (killed.length > 0) await platform.kill();
    await Promise.all(answers);
    return killed;
  }

  it("ends in the content of the undisturbed run, also when killed twice, and when all comes again", async () => {
    const references = await inTurns(cases, (of) => victim(of, { first: 0, second: null }), 1);
    const victims: Victim[] = [];
    for (const one of references) {
      await platform.ask({ arm: { [one.slug]: forEver } });
      expect(await triggered(one)).toBe(202);
      await ended(one);
      const effects = await platform.ask({ count: one.slug });
      const each = Array.from({ length: effects }, (_, at) => {
        // Every third only once; the others at a point that wanders over the recovery.
        return { first: at + 1, second: (at + 1) % 3 === 0 ? null : 1 + ((at * 7) % effects) };
      });
      victims.push(...(await inTurns(each, (at) => victim(one.of, at))));
    }

    await platform.ask({ arm: Object.fromEntries(victims.map(({ slug, first }) => [slug, first])) });
    const answers = victims.map((one) => triggered(one));
    for (const one of victims) await ended(one);
    const once = new Set(platform.frozen);
    await platform.kill();
    await Promise.all(answers);
    const seconds = victims.flatMap(({ slug, second }) => (second === null ? [] : [[slug, second] as const]));
    const twice = new Set(await nextLife(victims, Object.fromEntries(seconds)));
    await nextLife(victims, {});
    const before = await inTurns(victims, statusOf);
    const messages = platform.delivered;
    const again = await platform.ask({ redeliver: Array.from({ length: 5 }, () => messages).flat() });
    const after = await inTurns(victims, statusOf);
    await platform.kill();

    console.log(
      `${victims.length} runs of ${cases.length} providers: ${once.size} killed once, ${twice.size} of them twice, ${again} messages delivered again`,
    );
    expect(after).toEqual(before);
    expect(again).toBeGreaterThanOrEqual(5 * victims.length);
    expect(once.size).toBeGreaterThanOrEqual(victims.length - cases.length);
    expect(twice.size).toBeGreaterThan(victims.length / 4);
    const documents = await open(await readConfiguration({ ENVIRONMENT: "test", CA_DATA_DIR: folder }), systemClock);
    try {
      for (const reference of references) {
        const due = await left(reference, documents);
        expect(due).toMatchObject({ runs: ["COMPLETED"], isReleased: true, slots: {}, counters: [1, 1, 0] });
        expect(due.entries.reduce((sum, count) => sum + count, 0)).toBe(2);
        for (const one of victims.filter(({ of }) => of === reference.of))
          expect(await left(one, documents), `${one.slug}, then ${one.second}`).toEqual(due);
      }
      for (const one of victims) {
        const kills = Number(once.has(one.slug)) + Number(twice.has(one.slug));
        for (const [batch, writes] of await writesOf(one, documents))
          expect(writes, `${one.slug}: ${batch}`).toBeLessThanOrEqual(kills + 1);
      }
    } finally {
      await documents.close();
    }
  }, 900_000);

  async function writesOf({ slug }: Victim, documents: Documents): Promise<[string, number][]> {
    const [run] = await runsOf(slug, documents);
    return [...platform.writes].filter(([batch]) => batch.startsWith(`${run?.runId}-`));
  }
});

/** What a run has left behind, without what is its own: ids, instants, fences. */
async function left({ of, slug }: Victim, documents: Documents) {
  const org = { slug, key: slug, orgId: "" };
  const runs = await runsOf(slug, documents);
  const heads = await documents.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  const paths = months.map((month) => pipelineMonthPath(org, month, of.pipelineId));
  const pipelines = await documents.getAll<PipelineMonth>(paths);
  const entries = pipelines.map(({ body }) => Object.entries(body?.entries ?? {}));
  const quota = (await documents.get<QuotaDocument>(`orgs/${slug}/quota/current`)).body;
  const ends = runs.flatMap(({ runId, activeKey }) => [runIndexPath(runId), activeRunPath(slug, activeKey)]);
  const journal = await Promise.all(months.map((month) => journalOf(slug, month, documents)));
  return {
    runs: runs.map(({ status }) => status),
    isReleased: (await documents.getAll(ends)).every(({ body }) => body === undefined),
    slots: quota?.running,
    counters: [quota?.dayRuns, quota?.daySucceeded, quota?.dayFailed],
    versions: heads.map(({ body }) => body?.ledgerVersion),
    entries: entries.map(({ length }) => length),
    content: entries.map((month) => month.map(([key, { h, t, r, s }]) => [key.slice(-2), { h, t, r, s }])),
    batches: pipelines.map(({ body }) => Object.keys(body?.batches ?? {}).length),
    journal,
  };
}

async function runsOf(slug: string, documents: Documents): Promise<RunDocument[]> {
  const orderBy = [{ field: "createdAt", direction: "desc" as const }];
  const { documents: found } = await documents.list<RunDocument>({
    collection: runCollection(slug),
    orderBy,
    limit: 10,
  });
  return found.map(({ body }) => body);
}

/** How many rows the journal has of a month. */
async function journalOf(slug: string, month: string, documents: Documents): Promise<number> {
  const { documents: found } = await documents.list({
    collection: `orgs/${slug}/journal`,
    filters: [{ field: "month", is: "==", value: month }],
    orderBy: [{ field: "recordedAt", direction: "desc" }],
    limit: 100,
  });
  return found.length;
}

/** The answers in their order; so many are asked for at once. */
async function inTurns<In, Out>(all: readonly In[], work: (one: In) => Promise<Out>, width = atOnce): Promise<Out[]> {
  const answers: Out[] = [];
  for (let at = 0; at < all.length; at += width)
    answers.push(...(await Promise.all(all.slice(at, at + width).map(work))));
  return answers;
}
