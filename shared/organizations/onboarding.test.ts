import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { type Interruption, interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { loadFunctions } from "#scripts/start/functions.ts";
import { apiKeyHash } from "#shared/access/api-key.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument } from "#shared/plans/subscription.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import { frameOf, rowsOf } from "#shared/platform/warehouse/frame.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { routesOf } from "#shared/runtime/openapi.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { dryrun } from "./dryrun.ts";
import { onboard } from "./onboarding.ts";
import type { OnboardingReport } from "./onboarding-report.ts";
import { OnboardingRequest } from "./onboarding-request.ts";
import type { OrgDocument } from "./organization.ts";
import { reservedSlugs } from "./reserved-slugs.ts";

let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
beforeAll(async () => {
  world = await startWorld();
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
});
afterAll(() => world.stop());

function requestFor(slug: string, fields: Partial<OnboardingRequest> = {}): OnboardingRequest {
  return { org_slug: slug, company_name: `${slug} Inc.`, admin_email: "admin@example.com", ...fields };
}

function onboarded(request: OnboardingRequest, by: EnginePorts = ports): Promise<OnboardingReport> {
  return onboard(request, auditedEffects<OnboardingReport>("organization.onboarded", by), by);
}

/** The code of the refusal; fails when there is none. */
async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

function orgAt(key: string): OrgDocument | undefined {
  return documents.stored.get(`orgs/${key}`) as OrgDocument | undefined;
}

/** Everything that carries the organization's name or id, counted. */
function tracesOf(key: string): Record<string, number> {
  const orgId = orgAt(key)?.orgId ?? "of nobody";
  const keys = pathsBelow(documents, "apiKeys/").filter((path) => documents.stored.get(path)?.["org"] === key);
  const outbox = pathsBelow(documents, "outbox/").map((path) => documents.stored.get(path));
  const rows = outbox
    .filter((message) => message?.["topic"] === "history")
    .map((message) => message?.["payload"] as HistoryMessage)
    .flatMap(({ table, rows: own }) => own.map((row) => ({ table, slug: String(row["org_slug"]).toLowerCase() })))
    .filter(({ slug }) => slug === key);
  const ofTable = (name: string): number => rows.filter(({ table }) => table === name).length;
  return {
    organizations: documents.stored.has(`orgs/${key}`) ? 1 : 0,
    apiKeys: keys.length,
    wrappingKeys: pathsBelow(documents, `orgKeys/${orgId}`).length,
    auditRows: pathsBelow(documents, `orgs/${key}/audit/`).length,
    profileRows: ofTable("org_profiles"),
    keyRows: ofTable("org_api_keys"),
    auditHistory: ofTable("org_audit_logs"),
    ownerInvites: pathsBelow(documents, `orgs/${key}/invites/`).length,
    subscriptions: pathsBelow(documents, `orgs/${key}/subscription/`).length,
    accounts: pathsBelow(documents, `orgs/${key}/billing/`).length,
    quotas: pathsBelow(documents, `orgs/${key}/quota/`).length,
    hierarchies: pathsBelow(documents, `orgs/${key}/hierarchy/`).length,
    channels: pathsBelow(documents, `orgs/${key}/channels/`).length,
    rules: pathsBelow(documents, `orgs/${key}/alert-rules/`).length,
    subscriptionRows: ofTable("org_subscriptions"),
    channelRows: ofTable("org_notification_channels"),
    ruleRows: ofTable("org_notification_rules"),
    mails: outbox.filter((message) => message?.["topic"] === "mail" && message["org"] === key).length,
  };
}

const oneOfEach = {
  organizations: 1,
  apiKeys: 1,
  wrappingKeys: 1,
  auditRows: 1,
  profileRows: 1,
  keyRows: 1,
  auditHistory: 1,
  ownerInvites: 1,
  subscriptions: 1,
  accounts: 1,
  quotas: 1,
  hierarchies: 1,
  channels: 1,
  rules: 12,
  subscriptionRows: 1,
  channelRows: 1,
  ruleRows: 12,
  mails: 1,
};
/** What the first transaction leaves, and its absence. */
const nothing = Object.fromEntries(Object.keys(oneOfEach).map((name) => [name, 0]));

describe("onboarding that is interrupted", () => {
  it.each(interruptions)(
    "leaves one organization however often it %s, at every step",
    { timeout: 120_000 },
    async (how: Interruption) => {
      const config = await loadTableConfig("organizations");
      const tables = [...config.tables, ...config.extensionTables].map(({ name }) => name).sort();
      let steps = 0;
      for (let k = 1, isReached = true; isReached; k++) {
        const slug = `Stop_${how.replace(" ", "_")}_${k}`;
        const key = slug.toLowerCase();
        const interrupted = interruptedAt(k, how, ports);
        const error = await untilInterrupted(onboarded(requestFor(slug), interrupted.ports), interrupted.crashed);
        isReached = interrupted.isReached();
        if (!isReached) {
          expect(error).toBeUndefined();
          break;
        }
        steps = k;
        const wasActive = orgAt(key)?.state === "ACTIVE";
        const wasBegun = orgAt(key) !== undefined;
        const left = wasActive ? oneOfEach : { ...nothing, organizations: wasBegun ? 1 : 0 };
        expect(tracesOf(key), `left by step ${k}`).toEqual(left);
        world.clock.advance(301);

        const again = onboarded(requestFor(slug));

        if (wasActive) expect((await refusal(again)).code).toBe("ORG_EXISTS");
        else {
          const report = await again;
          expect(report.resumed, `step ${k}`).toBe(wasBegun);
          expect([...report.tables_created, ...report.tables_existed].sort()).toEqual(tables);
          expect(documents.stored.has(`apiKeys/${apiKeyHash(report.api_key)}`)).toBe(true);
        }
        expect(tracesOf(key), `step ${k}`).toEqual(oneOfEach);
        expect(orgAt(key)).toMatchObject({ state: "ACTIVE", onboarding: null });
        const dataset = await ports.warehouse.describeDataset(`${slug}_test`);
        expect(dataset?.label).toBe(orgAt(key)?.orgId);
        expect(dataset?.tables.map(({ name }) => name)).toEqual(tables);
      }
      expect(steps).toBeGreaterThan(tables.length + 3);
    },
  );

  it("goes on at once after a failure, and only after the lease when the process died", async () => {
    const failed = interruptedAt(3, "fails before", ports);
    await untilInterrupted(onboarded(requestFor("fails_then_goes"), failed.ports), failed.crashed);
    const crashed = interruptedAt(3, "crashes before", ports);
    await untilInterrupted(onboarded(requestFor("dies_then_waits"), crashed.ports), crashed.crashed);

    const afterFailure = await onboarded(requestFor("fails_then_goes"));
    const tooEarly = await refusal(onboarded(requestFor("dies_then_waits")));
    world.clock.advance(300);
    const afterLease = await onboarded(requestFor("dies_then_waits"));

    expect(afterFailure.resumed).toBe(true);
    expect(tooEarly).toMatchObject({ code: "ONBOARDING_IN_PROGRESS", retryAfterSeconds: 300 });
    expect(afterLease.resumed).toBe(true);
  });

  it("keeps the first spelling and its dataset when the second call spells the slug otherwise", async () => {
    const crashed = interruptedAt(8, "crashes after", ports);
    await untilInterrupted(
      onboarded(requestFor("Spelled", { dataset_location: "EU" }), crashed.ports),
      crashed.crashed,
    );
    world.clock.advance(301);

    const report = await onboarded(requestFor("SPELLED", { company_name: "Corrected Ltd" }));

    expect(report).toMatchObject({
      resumed: true,
      org_slug: "Spelled",
      dataset_id: "Spelled_test",
      dataset_location: "EU",
    });
    expect(orgAt("spelled")).toMatchObject({
      slug: "Spelled",
      companyName: "Corrected Ltd",
      dataset: { id: "Spelled_test", location: "EU" },
    });
    expect(await ports.warehouse.describeDataset("SPELLED_test")).toBeUndefined();
    expect(report.api_key).toMatch(/^Spelled_api_/);
  });

  it("refuses another admin_email on a slug that is being made, also after the lease", async () => {
    const crashed = interruptedAt(4, "crashes before", ports);
    await untilInterrupted(onboarded(requestFor("half_made"), crashed.ports), crashed.crashed);
    world.clock.advance(3600);

    const other = await refusal(onboarded(requestFor("half_made", { admin_email: "somebody@else.example" })));
    const sameInOtherCase = await onboarded(requestFor("half_made", { admin_email: "ADMIN@example.com" }));

    expect(other).toMatchObject({ code: "ONBOARDING_IN_PROGRESS", retryAfterSeconds: 1 });
    expect(sameInOtherCase.resumed).toBe(true);
  });

  it("lets an attempt that lost its lease finish nothing and release nothing", async () => {
    const { warehouse } = ports;
    let late: OnboardingReport | undefined;
    const slow: EnginePorts = {
      ...ports,
      warehouse: {
        ...warehouse,
        ensureDataset: async (dataset) => {
          world.clock.advance(301);
          late = await onboarded(requestFor("overtaken", { subscription_plan: "STARTER", company_name: "Second" }));
          return warehouse.ensureDataset(dataset);
        },
      },
    };
    const stalled: EnginePorts = {
      ...ports,
      warehouse: {
        ...warehouse,
        ensureDataset: async () => {
          world.clock.advance(301);
          const other = interruptedAt(3, "crashes before", ports);
          await untilInterrupted(onboarded(requestFor("taken_over"), other.ports), other.crashed);
          throw new AppError("WAREHOUSE_UNAVAILABLE", "late", { retryable: true });
        },
      },
    };

    const first = await refusal(onboarded(requestFor("overtaken", { subscription_plan: "SCALE" }), slow));
    const failed = await refusal(onboarded(requestFor("taken_over"), stalled));
    const early = await refusal(onboarded(requestFor("taken_over")));

    expect(first.code).toBe("ORG_EXISTS");
    expect(late).toMatchObject({ resumed: true, subscription_plan: "STARTER" });
    expect(orgAt("overtaken")).toMatchObject({ companyName: "Second" });
    expect(tracesOf("overtaken")).toEqual(oneOfEach);
    expect(failed.code).toBe("WAREHOUSE_UNAVAILABLE");
    expect(early).toMatchObject({ code: "ONBOARDING_IN_PROGRESS", retryAfterSeconds: 300 });
  });

  it("does not finish with its own plan what a newer attempt is making", async () => {
    const { warehouse } = ports;
    const slow: EnginePorts = {
      ...ports,
      warehouse: {
        ...warehouse,
        ensureDataset: async (dataset) => {
          world.clock.advance(301);
          const newer = interruptedAt(4, "crashes before", ports);
          await untilInterrupted(onboarded(requestFor("fenced"), newer.ports), newer.crashed);
          return warehouse.ensureDataset(dataset);
        },
      },
    };

    const late = await refusal(onboarded(requestFor("fenced", { subscription_plan: "SCALE" }), slow));

    expect(late.code).toBe("ONBOARDING_IN_PROGRESS");
    expect(orgAt("fenced")?.state).toBe("PROVISIONING");
  });
});

/** A dataset of the slug's name with one row, made by somebody else. */
async function foreignRow(slug: string, label: string) {
  const { tables } = await loadTableConfig("organizations");
  const table = tables.find(({ name }) => name === "hierarchy_entities");
  if (table === undefined) throw new Error("no such table");
  const dataset = { id: `${slug}_test`, label, location: "US", description: "theirs" };
  await ports.warehouse.ensureDataset(dataset);
  await ports.warehouse.ensureTable(dataset.id, table);
  const row = historyRow("theirs");
  const rows = frameOf(table, [row]);
  await ports.warehouse.write({ datasetId: dataset.id, table, batchId: "theirs", contentHash: "ab".repeat(32), rows });
  return { table, row, dataset };
}

describe("onboarding of a slug that is not free", () => {
  it("gives exactly one of 50 calls at once the organization, whatever the case of the slug", async () => {
    const slugs = Array.from({ length: 50 }, (_, at) => ["Acme", "acme", "ACME"][at % 3] ?? "");

    const ended = await Promise.allSettled(slugs.map((slug) => onboarded(requestFor(slug))));

    const codes = ended.flatMap((end) => (end.status === "rejected" ? [(end.reason as AppError).code] : []));
    expect(codes).toHaveLength(49);
    expect(codes.filter((code) => !["ORG_EXISTS", "ONBOARDING_IN_PROGRESS"].includes(code))).toEqual([]);
    expect(tracesOf("acme")).toEqual(oneOfEach);
  });

  it.each([
    ["is finished", 1000, "ORG_EXISTS"],
    ["is at work", 6, "ONBOARDING_IN_PROGRESS"],
  ])("knows the dataset of a call that %s since it looked for the slug", async (how, step, code) => {
    const slug = `beside_${step}`;
    const { warehouse } = ports;
    let isFirst = true;
    const late: EnginePorts = {
      ...ports,
      warehouse: {
        ...warehouse,
        describeDataset: async (id) => {
          if (isFirst) {
            isFirst = false;
            const other = interruptedAt(step, "crashes before", ports);
            await untilInterrupted(onboarded(requestFor(slug), other.ports), other.crashed);
          }
          return warehouse.describeDataset(id);
        },
      },
    };

    const error = await refusal(onboarded(requestFor(slug), late));

    expect(error.code, how).toBe(code);
  });

  it.each(["org_somebodyelse", undefined])(
    "refuses a dataset labelled %s and leaves its rows as they are",
    async (label) => {
      const slug = `rows_${label === undefined ? "without" : "foreign"}`;
      const { table, row, dataset } = await foreignRow(slug, "org_somebodyelse");
      const unlabelled: EnginePorts = {
        ...ports,
        warehouse: {
          ...ports.warehouse,
          describeDataset: async (id) => withLabel(await ports.warehouse.describeDataset(id), label),
        },
      };
      const commits = documents.commits();

      const error = await refusal(onboarded(requestFor(slug), unlabelled));

      expect(error.code).toBe("DATASET_EXISTS");
      expect(documents.commits()).toBe(commits);
      const read = await ports.warehouse.read(
        { datasetId: dataset.id, table },
        [{ batchId: "theirs", days: [dayOf(table.partition?.field, row)] }],
        ["entity_id"],
      );
      expect(rowsOf(read, table)).toEqual([{ entity_id: "theirs" }]);
    },
  );

  it.each(["org_somebodyelse", "org_01ARZ3NDEKTSV4RRFFQ69G5FAV"])(
    "takes over a dataset labelled %s, which nobody holds, when asked to, with its rows as they are",
    async (label) => {
      const slug = `adopted_${label.length}`;
      const { table, row } = await foreignRow(slug, label);

      const refused = await refusal(onboarded(requestFor(slug)));
      const report = await onboarded(requestFor(slug, { adopt_existing_dataset: true }));

      expect(refused.code).toBe("DATASET_EXISTS");
      expect(report.dataset_created).toBe(false);
      expect(report.tables_existed).toEqual(["hierarchy_entities"]);
      const dataset = await ports.warehouse.describeDataset(`${slug}_test`);
      expect(dataset?.label).toBe(report.org_id);
      const days = [dayOf(table.partition?.field, row)];
      const source = { datasetId: `${slug}_test`, table };
      const read = await ports.warehouse.read(source, [{ batchId: "theirs", days }], ["entity_id"]);
      expect(rowsOf(read, table)).toEqual([{ entity_id: "theirs" }]);
    },
  );

  it("never takes over a dataset that an organization or the operator holds, asked to or not", async () => {
    const holder = await onboarded(requestFor("dataset_holder"));
    await foreignRow("not_adopted", holder.org_id);
    await foreignRow("not_platforms", "platform");

    for (const slug of ["not_adopted", "not_platforms"]) {
      const error = await refusal(onboarded(requestFor(slug, { adopt_existing_dataset: true })));

      expect(error.code).toBe("DATASET_EXISTS");
    }
    expect((await ports.warehouse.describeDataset("not_adopted_test"))?.label).toBe(holder.org_id);
  });

  it("refuses a foreign dataset that comes into being after the checks, and makes no key", async () => {
    const late: EnginePorts = {
      ...ports,
      warehouse: {
        ...ports.warehouse,
        ensureDataset: async (dataset) => {
          await ports.warehouse.ensureDataset({ ...dataset, label: "org_stranger" });
          return ports.warehouse.ensureDataset(dataset);
        },
      },
    };

    const error = await refusal(onboarded(requestFor("raced_away"), late));

    expect(error.code).toBe("DATASET_EXISTS");
    expect(tracesOf("raced_away")).toMatchObject({ apiKeys: 0, wrappingKeys: 0, auditRows: 0 });
  });

  it("refuses before bootstrap, with nothing written", async () => {
    const bare = recordedDocuments({
      ...world.ports.documents,
      get: async (path) => {
        const snapshot = await world.ports.documents.get(path);
        return path === "platform/bootstrap" ? { ...snapshot, body: undefined } : (snapshot as never);
      },
    });

    const error = await refusal(onboarded(requestFor("too_early"), { ...ports, documents: bare }));

    expect(error.code).toBe("NOT_BOOTSTRAPPED");
    expect(bare.commits()).toBe(0);
  });
});

describe("the checks of onboarding", () => {
  const allWrong: OnboardingRequest = {
    org_slug: "a-b",
    company_name: " x ",
    admin_email: "two@at@signs",
    subscription_plan: "GOLD",
    default_currency: "XXX",
    default_timezone: "+02:00",
    default_country: "Germany",
    default_language: "tlh",
    fiscal_year_start_month: 13,
    date_format: "YY",
    dataset_location: "the moon",
  };
  const fields = Object.keys(allWrong)
    .map((name) => `/${name}`)
    .sort();

  it("name every bad field at once, in the refusal as in the dry run", async () => {
    const commits = documents.commits();

    const error = await refusal(onboarded(await validBody(OnboardingRequest, allWrong)));
    const report = await dryrun(await validBody(OnboardingRequest, allWrong), ports);

    expect(error.code).toBe("INVALID_ONBOARDING");
    expect(error.fields.map(({ path }) => path).sort()).toEqual(fields);
    expect(report).toMatchObject({ status: "FAILED", ready_for_onboarding: false, org_slug: "a-b" });
    expect(report.validation_results.filter(({ status }) => status === "FAILED")).toHaveLength(fields.length);
    expect(report.validation_summary.failed).toBe(fields.length);
    expect(documents.commits()).toBe(commits);
  });

  it.each([
    ["", "/org_slug"],
    ["ab", "/org_slug"],
    ["a".repeat(51), "/org_slug"],
    ["äcme", "/org_slug"],
    ["../x", "/org_slug"],
    ["__proto__", "/org_slug"],
    ["____", "/org_slug"],
    ["__a", undefined],
    ["x_api_y", undefined],
    ["a".repeat(50), undefined],
  ])("judge the slug %j", async (slug, field) => {
    const report = await dryrun(await validBody(OnboardingRequest, requestFor(slug)), ports);

    expect(report.validation_results.filter(({ status }) => status === "FAILED").map(({ check }) => check)).toEqual(
      field === undefined ? [] : ["slug_format"],
    );
  });

  it.each(["control\u0007character", "right\u202eto left"])("refuse a name with %j", async (company_name) => {
    await expect(validBody(OnboardingRequest, requestFor("named", { company_name }))).rejects.toMatchObject({
      code: "INVALID_BODY",
      fields: [{ path: "/company_name" }],
    });
  });

  it.each([
    ["شركة الأمثلة", "شركة الأمثلة"],
    ["🦄🦄", "🦄🦄"],
    ["  Straße  ", "Straße"],
    ["e\u0301toile", "étoile"],
    ["n".repeat(200), "n".repeat(200)],
    ["🦄".repeat(200), "🦄".repeat(200)],
  ])("take the name %s", async (company_name, stored) => {
    const slug = `name_${Buffer.from(company_name).toString("hex").slice(0, 12)}_${company_name.length}`;

    const report = await onboarded(await validBody(OnboardingRequest, requestFor(slug, { company_name })));

    expect(report.company_name).toBe(stored);
  });

  it.each(["🦄".repeat(201), "n".repeat(201), "n"])(
    "refuse a name that is too long or too short",
    async (company_name) => {
      const error = await refusal(onboarded(requestFor("wrong_length", { company_name })));

      expect(error.fields).toEqual([{ path: "/company_name", problem: "must have 2 to 200 characters" }]);
    },
  );

  it("tell that the key service does not answer", async () => {
    const keys: Keys = {
      ...ports.keys,
      seal: () => Promise.reject(new AppError("KEYS_UNAVAILABLE", "down", { retryable: true })),
    };

    const error = await refusal(onboarded(requestFor("keyless"), { ...ports, keys }));
    const report = await dryrun(requestFor("keyless"), { ...ports, keys });

    expect(error.code).toBe("KEYS_UNAVAILABLE");
    expect(report.validation_results).toContainEqual({
      check: "keys_usable",
      status: "FAILED",
      message: "the key service cannot be reached",
    });
    expect(orgAt("keyless")).toBeUndefined();
  });

  it("refuse every reserved word in any case, and every first and second segment of a declared route is reserved", async () => {
    const slugs = [...(await reservedSlugs())];
    const routes = routesOf(await loadFunctions());
    const segments = routes
      .flatMap(({ path }) => [path, path.replace(/^\/api\/v1/, "")])
      .flatMap((path) => path.split("/").slice(1, 3));
    const words = [...new Set(segments)].filter((segment) => /^[a-zA-Z0-9_]{3,50}$/.test(segment));

    const report = await dryrun(requestFor("Organizations"), ports);

    expect(report.validation_results).toContainEqual({
      check: "slug_reserved",
      status: "FAILED",
      message: "is a reserved word",
    });
    expect(words.length).toBeGreaterThan(10);
    expect(words.filter((word) => !slugs.includes(word.toLowerCase()))).toEqual([]);
    expect(slugs).toEqual(expect.arrayContaining(["platform", "_platform", "system", "root", "console"]));
  });
});

describe("the plan of a new organization", () => {
  it.each([
    [undefined, "FREE", "ACTIVE"],
    ["starter", "STARTER", "ACTIVE"],
    ["PRO", "PROFESSIONAL", "TRIAL"],
    ["pro", "PROFESSIONAL", "TRIAL"],
    ["Professional", "PROFESSIONAL", "TRIAL"],
    ["SCALE", "SCALE", "ACTIVE"],
    ["enterprise", "ENTERPRISE", "ACTIVE"],
  ])("asked for as %s is %s, %s", async (asked, plan, status) => {
    const request = requestFor(`plan_${asked ?? "none"}`.toLowerCase() + (asked === "pro" ? "_small" : ""));

    const report = await onboarded(asked === undefined ? request : { ...request, subscription_plan: asked });

    expect(report).toMatchObject({ subscription_plan: plan, status });
  });

  it("is PROFESSIONAL to the last millisecond of its trial and FREE from the next on", async () => {
    const start = world.clock.now();
    const report = await onboarded(requestFor("on_trial", { subscription_plan: "PROFESSIONAL" }));
    const stored = documents.stored.get("orgs/on_trial/subscription/current") as unknown as SubscriptionDocument;
    const end = Date.parse(report.trial_ends_at ?? "");
    const catalogue = await plans();

    const last = effectiveSubscription(stored, catalogue, new Date(end - 1));
    const over = effectiveSubscription(stored, catalogue, new Date(end));

    expect(end - start.getTime()).toBe(14 * 86_400_000);
    expect(last).toMatchObject({ plan: "PROFESSIONAL", status: "TRIAL", limits: { daily: 20 }, canRun: true });
    expect(over).toMatchObject({ plan: "FREE", status: "ACTIVE", limits: { daily: 2 }, canRun: true });
    expect(orgAt("on_trial")?.trialUsed).toBe(true);
  });
});

function historyRow(id: string): Record<string, unknown> {
  return {
    entity_id: id,
    entity_name: "Theirs",
    level: 1,
    level_code: "department",
    path: "/theirs",
    is_active: true,
    effective_from: "2026-01-01T00:00:00Z",
    event_id: "evt_1",
    version: 1,
    operation: "CREATE",
    recorded_at: "2026-01-01T00:00:00Z",
  };
}

function dayOf(field: string | undefined, row: Record<string, unknown>): string {
  return String(row[field ?? "recorded_at"]).slice(0, 10);
}

function withLabel<T extends { label: string | undefined } | undefined>(description: T, label: string | undefined): T {
  return description === undefined ? description : { ...description, label };
}
