import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { interruptedAt, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { apiKeyHash } from "#shared/access/api-key.ts";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { StoredKey } from "#shared/api-keys/stored-key.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { InviteDocument } from "#shared/members/invite.ts";
import { onboard } from "#shared/organizations/onboarding.ts";
import type { OnboardingReport } from "#shared/organizations/onboarding-report.ts";
import type { OnboardingRequest } from "#shared/organizations/onboarding-request.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { clearAbandoned } from "#shared/organizations/slug-lease.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { activeRunPath, runIndexPath } from "#shared/pipelines/run-paths.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { frameOf, rowsOf } from "#shared/platform/warehouse/frame.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { commitChange, type HistoryMessage } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { schedulesWhenUsable } from "#shared/schedules/default-schedules.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import { type DeletionAnswer, type DeletionRequest, deleteOrganization } from "./delete-organization.ts";
import { type DatasetDrop, dropAgain, repeatDrop } from "./drop-dataset.ts";
import { requestPurge } from "./purge.ts";

const root: Caller = { kind: "root", credentialId: "root" };
let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
beforeEach(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
});
afterEach(() => world.stop());

function onboarded(slug: string, fields: Partial<OnboardingRequest> = {}, by = ports): Promise<OnboardingReport> {
  const request = { org_slug: slug, company_name: `${slug} Inc.`, admin_email: "admin@example.com", ...fields };
  return onboard(request, auditedEffects<OnboardingReport>("organization.onboarded", by), by);
}

const identityOf = ({ org_slug, org_id }: OnboardingReport): OrgIdentity => {
  return { slug: org_slug, key: org_slug.toLowerCase(), orgId: org_id };
};

function deleted(
  slug: string,
  request: Partial<DeletionRequest> = {},
  { by = ports, caller = root }: { by?: EnginePorts; caller?: Caller } = {},
): Promise<DeletionAnswer> {
  const asked = { slug, caller, request: { confirm_org_slug: slug, ...request } };
  return deleteOrganization(asked, auditedEffects<DeletionAnswer>("organization.deleted", by), by);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  return (error as AppError).code;
}

const bodyAt = <T>(path: string): T | undefined => documents.stored.get(path) as T | undefined;
const orgAt = (key: string) => bodyAt<OrgDocument>(`orgs/${key}`);
const isStored = async (path: string) => (await world.ports.documents.get(path)).body !== undefined;
const actionsOf = (key: string) =>
  pathsBelow(documents, `orgs/${key}/audit/`).map((path) => String(documents.stored.get(path)?.["action"]));
const messages = (topic: string) =>
  pathsBelow(documents, "outbox/")
    .map((path) => documents.stored.get(path))
    .filter((message) => message?.["topic"] === topic)
    .map((message) => message?.["payload"]);

const tick = () =>
  takeDueTimers(
    { "dataset-drop": repeatDrop, "org-purge": requestPurge, provisioning: clearAbandoned },
    { ...ports, commit: (body) => commitChange(body, ports) },
  );

const historyOf = (table: string) =>
  messages("history").flatMap((payload) => {
    const message = payload as HistoryMessage;
    return message.table === table ? message.rows : [];
  });

/** A row that stood in the organization's dataset before whatever is done. */
async function writtenRow(datasetId: string): Promise<() => Promise<unknown>> {
  const { tables } = await loadTableConfig("organizations");
  const table = tables.find(({ name }) => name === "hierarchy_entities");
  if (table === undefined) throw new Error("no such table");
  const row = Object.fromEntries(
    table.columns.map(({ name, type, mode }) => [
      name,
      mode === "REQUIRED"
        ? type === "TIMESTAMP"
          ? "2026-08-10T00:00:00.000Z"
          : type === "INT64"
            ? 1
            : type === "BOOL"
              ? true
              : "kept"
        : null,
    ]),
  );
  const rows = frameOf(table, [row]);
  await ports.warehouse.write({ datasetId, table, batchId: "kept", contentHash: "ab".repeat(32), rows });
  const field = table.partition?.field;
  const days = [field === undefined ? "2026-08-10" : String(row[field]).slice(0, 10)];
  return async () =>
    rowsOf(await ports.warehouse.read({ datasetId, table }, [{ batchId: "kept", days }], ["entity_id"]), table);
}

describe("deleting an organization", () => {
  it("ends everything that lets anybody in or anything run, in one transaction, and leaves the data", async () => {
    const report = await onboarded("Ended", { subscription_plan: "SCALE" });
    const org = identityOf(report);
    await world.connected(org, "endedaccount");
    const { run_id: waiting } = await world.trigger(org, { date: "2026-08-01" });
    const rows = await writtenRow("Ended_test");
    const before = documents.commits();

    const answer = await deleted("Ended");

    expect(answer).toMatchObject({ org_slug: "Ended", status: "DELETED", dataset_deleted: false });
    expect(answer.purge_after).toBe("2026-09-09T12:00:00.000Z");
    expect(answer.deleted_from_tables).toEqual(
      expect.arrayContaining(["org_api_keys", "org_integration_credentials", "org_meta_pipeline_runs", "org_profiles"]),
    );
    expect(orgAt("ended")).toMatchObject({ state: "DELETED", deletedAt: "2026-08-10T12:00:00.000Z" });
    expect(bodyAt<StoredKey>(`apiKeys/${apiKeyHash(report.api_key)}`)).toMatchObject({ state: "REVOKED" });
    expect(bodyAt<SubscriptionDocument>(subscriptionPath(org))).toMatchObject({ status: "CANCELLED" });
    const [invite] = pathsBelow(documents, "orgs/ended/invites/");
    expect(bodyAt<InviteDocument>(invite ?? "")).toMatchObject({ status: "CANCELLED" });
    expect(pathsBelow(documents, "orgs/ended/credentials/")).toEqual([]);
    expect((await world.run(org, waiting)).status).toBe("CANCELLED");
    expect(bodyAt<QuotaDocument>(quotaPath(org))).toMatchObject({ running: {}, holds: {}, dayRuns: 0 });
    const { activeKey } = await world.run(org, waiting);
    expect(await isStored(runIndexPath(waiting))).toBe(false);
    expect(await isStored(activeRunPath(org.key, activeKey))).toBe(false);
    expect(messages("org-deleted")).toEqual([{ org: "ended", org_id: org.orgId, purge_after: answer.purge_after }]);
    expect(messages("mail")).toContainEqual(
      expect.objectContaining({
        name: "organization-deleted",
        to: "admin@example.com",
        values: { company: "Ended Inc.", purge_after: "2026-09-09 12:00 UTC" },
      }),
    );
    expect(actionsOf("ended").filter((action) => action === "organization.deleted")).toHaveLength(1);
    expect(await rows()).toEqual([{ entity_id: "kept" }]);
    // The look for runs to end beforehand writes nothing: the deletion itself and the marks of its messages follow.
    expect(documents.commits() - before).toBeLessThanOrEqual(3);
  });

  it("removes every schedule; one that comes back gets new ones under ids of their own", async () => {
    const org = identityOf(await onboarded("Clocked", { subscription_plan: "SCALE" }));
    const scheduled = () =>
      commitChange(async (change) => {
        const write = await schedulesWhenUsable(org, "openai", change);
        write();
      }, ports);
    const schedules = () => pathsBelow(documents, "schedules/clocked:");
    await scheduled();
    const before = schedules();

    const answer = await deleted("Clocked");
    const gone = schedules();
    world.clock.advance(60);
    await onboarded("Clocked");
    await scheduled();

    expect(before).toHaveLength(1);
    expect(gone).toEqual([]);
    expect(answer.deleted_from_tables).toContain("org_pipeline_configs");
    expect(historyOf("org_pipeline_configs").map(({ operation, version }) => [operation, version])).toEqual([
      ["CREATE", 1],
      ["DELETE", 2],
      ["CREATE", 1],
    ]);
    expect(schedules()).toHaveLength(1);
    // Under its old id the history's last word on it would be that it is gone.
    expect(schedules()).not.toEqual(before);
  });

  it("takes a run that waits for a slot out of the queue", async () => {
    const org = identityOf(await onboarded("Queued", { subscription_plan: "FREE" }));
    await world.connected(org, "queuedaccount");
    await world.trigger(org, { date: "2026-08-01" });
    await world.trigger(org, { date: "2026-08-02", queue: true });
    const waiting = () => world.ports.documents.list({ collection: "orgs/queued/waitingRuns", limit: 10 });
    const before = (await waiting()).documents.length;

    await deleted("Queued");

    expect([before, (await waiting()).documents.length]).toEqual([1, 0]);
  });

  it("ends a run that a processor holds, which then publishes nothing", async () => {
    const org = identityOf(await onboarded("Held", { subscription_plan: "SCALE" }));
    await world.connected(org, "heldaccount");
    const { run_id } = await world.trigger(org, { date: "2026-08-01" });
    let isDeleted = false;
    const slow: EnginePorts = {
      ...world.ports,
      warehouse: {
        ...world.ports.warehouse,
        write: async (batch) => {
          if (!isDeleted) await deleted("Held");
          isDeleted = true;
          return world.ports.warehouse.write(batch);
        },
      },
    };

    await world.process(org, run_id, slow).catch(() => undefined);

    expect(isDeleted).toBe(true);
    expect((await world.run(org, run_id)).status).toBe("CANCELLED");
    expect(await isStored("orgs/held/ledger/2026-08")).toBe(false);
  });

  it.each([
    ["another spelling", "Spelled", { confirm_org_slug: "spelled" }, root, "INVALID_BODY"],
    ["another name", "Spelled", { confirm_org_slug: "Other" }, root, "INVALID_BODY"],
    ["the dataset by an owner", "Spelled", { delete_dataset: true }, { kind: "member" } as Caller, "FORBIDDEN"],
    ["nothing of that name", "Nobody", {}, root, "ORG_NOT_FOUND"],
  ])("is refused for %s, and nothing happens", async (_, slug, request, caller, code) => {
    await onboarded("Spelled");
    const before = documents.commits();

    expect(await refusal(deleted(slug, request, { caller }))).toBe(code);

    expect(documents.commits()).toBe(before);
    expect(orgAt("spelled")?.state).toBe("ACTIVE");
  });

  it("again is 404, unless its dataset is to go too", async () => {
    await onboarded("Twice");
    await deleted("Twice");

    expect(await refusal(deleted("Twice"))).toBe("ORG_NOT_FOUND");
    const withDataset = await deleted("Twice", { delete_dataset: true });

    expect(withDataset).toMatchObject({ dataset_deleted: true, purge_after: "2026-09-09T12:00:00.000Z" });
    expect(await ports.warehouse.describeDataset("Twice_test")).toBeUndefined();
  });
});

describe("the dataset of a deleted organization", () => {
  it("goes when asked for, with nothing left that repeats it", async () => {
    await onboarded("Dropped");

    const answer = await deleted("Dropped", { delete_dataset: true });

    expect(answer.dataset_deleted).toBe(true);
    expect(await ports.warehouse.describeDataset("Dropped_test")).toBeUndefined();
    expect(documents.stored.has("timers/dataset-drop:dropped")).toBe(false);
    expect(actionsOf("dropped").filter((action) => action === "organization.deleted")).toHaveLength(1);
  });

  it("stays with its rows when its label is another's, and the organization lives on", async () => {
    await onboarded("Foreign");
    const rows = await writtenRow("Foreign_test");
    const foreign: EnginePorts = {
      ...ports,
      warehouse: {
        ...ports.warehouse,
        describeDataset: async (id) => {
          const dataset = await ports.warehouse.describeDataset(id);
          return dataset === undefined ? undefined : { ...dataset, label: "org_somebodyelse" };
        },
      },
    };

    expect(await refusal(deleted("Foreign", { delete_dataset: true }, { by: foreign }))).toBe("DATASET_NOT_OURS");

    expect(orgAt("foreign")?.state).toBe("ACTIVE");
    expect(await rows()).toEqual([{ entity_id: "kept" }]);
  });

  it("whose drop fails is dropped later, once, and nobody comes back before", async () => {
    await onboarded("Stubborn");
    const failing: EnginePorts = {
      ...ports,
      warehouse: {
        ...ports.warehouse,
        dropDataset: () => Promise.reject(new AppError("WAREHOUSE_UNAVAILABLE", "down", { retryable: true })),
      },
    };

    const answer = await deleted("Stubborn", { delete_dataset: true }, { by: failing });
    const early = await tick();
    const comingBack = await refusal(onboarded("Stubborn"));
    world.clock.advance(1800);
    const due = await tick();
    const [message] = messages("dataset-drop");
    await dropAgain(message as DatasetDrop, ports);
    await dropAgain(message as DatasetDrop, ports);

    expect([answer.dataset_deleted, early, due]).toEqual([false, 0, 1]);
    expect(comingBack).toBe("ONBOARDING_IN_PROGRESS");
    expect(message).toEqual({ org: "stubborn", org_id: orgAt("stubborn")?.orgId });
    expect(await ports.warehouse.describeDataset("Stubborn_test")).toBeUndefined();
    expect(actionsOf("stubborn").filter((action) => action === "organization.dataset_deleted")).toHaveLength(1);
    expect((await onboarded("Stubborn")).dataset_created).toBe(true);
  });

  it("is never dropped by a late message once the organization has come back", async () => {
    const report = await onboarded("Returned");
    await deleted("Returned");
    await onboarded("Returned");

    await dropAgain({ org: "returned", org_id: report.org_id }, ports);

    expect(await ports.warehouse.describeDataset("Returned_test")).toBeDefined();
  });
});

describe("an organization that comes back", () => {
  it("is the same company with its data and counters, a new key, and no second trial", async () => {
    const first = await onboarded("Again", { subscription_plan: "PRO" });
    const org = identityOf(first);
    await world.connected(org, "againaccount");
    await world.ran(org, { date: "2026-08-01" });
    const rows = await writtenRow("Again_test");
    await deleted("Again");
    world.clock.advance(3600);

    const second = await onboarded("AGAIN", { subscription_plan: "PRO", admin_email: "ADMIN@example.com" });

    expect(second).toMatchObject({ org_slug: "Again", org_id: first.org_id, resumed: false, dataset_created: false });
    expect(second).toMatchObject({ subscription_plan: "FREE", status: "ACTIVE", trial_ends_at: null });
    expect(second.api_key).not.toBe(first.api_key);
    expect(orgAt("again")).toMatchObject({ state: "ACTIVE", ledgerEpoch: 1, trialUsed: true, purgeAfter: null });
    expect(bodyAt<StoredKey>(`apiKeys/${apiKeyHash(first.api_key)}`)).toMatchObject({ state: "REVOKED" });
    expect(bodyAt<QuotaDocument>(quotaPath(org))).toMatchObject({ dayRuns: 1, daySucceeded: 1 });
    expect(await isStored("orgs/again/ledger/2026-08")).toBe(true);
    expect(pathsBelow(documents, `orgKeys/`)).toEqual([`orgKeys/${first.org_id}`]);
    expect(documents.stored.has("timers/org-purge:again")).toBe(false);
    expect(await rows()).toEqual([{ entity_id: "kept" }]);
  });

  it("begins a new epoch of its ledger when its dataset is gone", async () => {
    await onboarded("Epoch");
    await deleted("Epoch", { delete_dataset: true });

    const report = await onboarded("Epoch");

    expect(report.dataset_created).toBe(true);
    expect(orgAt("epoch")?.ledgerEpoch).toBe(2);
  });

  it("is refused to another admin_email while its data stands", async () => {
    await onboarded("Retired");
    await deleted("Retired");

    expect(await refusal(onboarded("Retired", { admin_email: "other@example.com" }))).toBe("ORG_SLUG_RETIRED");
    expect(orgAt("retired")?.state).toBe("DELETED");
  });

  it("goes on after every interruption, or is deleted again when nobody calls for a day", {
    timeout: 60_000,
  }, async () => {
    const first = await onboarded("Halfway");
    await deleted("Halfway", { delete_dataset: true });
    for (const k of [1, 2, 3, 20, 60]) {
      const crashed = interruptedAt(k, "crashes after", ports);
      await untilInterrupted(onboarded("Halfway", {}, crashed.ports), crashed.crashed);
      if (orgAt("halfway")?.state === "ACTIVE") await deleted("Halfway");
      else {
        world.clock.advance(86_400);
        await tick();
        expect(orgAt("halfway"), `step ${k}`).toMatchObject({ state: "DELETED", onboarding: null });
      }
    }
    const crashed = interruptedAt(5, "crashes after", ports);
    await untilInterrupted(onboarded("Halfway", {}, crashed.ports), crashed.crashed);
    world.clock.advance(301);

    const report = await onboarded("Halfway");

    expect(report).toMatchObject({ org_id: first.org_id, resumed: true });
    expect(orgAt("halfway")).toMatchObject({ state: "ACTIVE", deletedAt: null });
    expect(orgAt("halfway")?.ledgerEpoch).toBeGreaterThan(1);
  });
});

describe("the purge", () => {
  it("is asked for 30 days after the deletion, and every day until the data is erased", async () => {
    const report = await onboarded("Purged");
    await deleted("Purged");

    world.clock.set("2026-09-09T11:59:59.999Z");
    await tick();
    const before = messages("org-purge").length;
    world.clock.set("2026-09-09T12:00:00Z");
    await tick();
    await tick();
    const first = messages("org-purge");
    world.clock.advance(86_400);
    await tick();

    expect(before).toBe(0);
    expect(first).toEqual([{ org: "purged", org_id: report.org_id }]);
    expect(messages("org-purge")).toHaveLength(2);
  });

  it("is not asked for an organization that has come back", async () => {
    await onboarded("Rescued");
    await deleted("Rescued");
    await onboarded("Rescued");

    world.clock.advance(31 * 86_400);
    await tick();

    expect(messages("org-purge")).toEqual([]);
  });
});

describe("a slug that nobody finished", () => {
  it("is free after a day, and its dataset stays", async () => {
    const crashed = interruptedAt(9, "crashes after", ports);
    await untilInterrupted(onboarded("Unfinished", {}, crashed.ports), crashed.crashed);

    world.clock.advance(86_399);
    await tick();
    const before = orgAt("unfinished")?.state;
    world.clock.advance(1);
    await tick();

    expect([before, orgAt("unfinished")]).toEqual(["PROVISIONING", undefined]);
    expect(await ports.warehouse.describeDataset("Unfinished_test")).toBeDefined();
  });
});

describe("regenerate_api_key_if_exists", () => {
  it("gives an organization a new primary key, the old one living 24 hours, and leaves the plan", async () => {
    const first = await onboarded("Renewed", { subscription_plan: "STARTER", default_currency: "EUR" });

    const second = await onboarded("renewed", {
      regenerate_api_key_if_exists: true,
      subscription_plan: "SCALE",
      company_name: "Renewed Ltd",
      default_timezone: "Asia/Tokyo",
    });

    expect(second).toMatchObject({ org_slug: "Renewed", org_id: first.org_id, subscription_plan: "STARTER" });
    expect(second).toMatchObject({
      company_name: "Renewed Ltd",
      default_currency: "EUR",
      default_timezone: "Asia/Tokyo",
    });
    expect(second.api_key).not.toBe(first.api_key);
    expect(bodyAt<StoredKey>(`apiKeys/${apiKeyHash(first.api_key)}`)).toMatchObject({
      state: "ROTATING",
      expiresAt: "2026-08-11T12:00:00.000Z",
    });
    expect(actionsOf("renewed")).toEqual(["organization.onboarded", "api_key.rotated"]);
    expect(await refusal(onboarded("Renewed"))).toBe("ORG_EXISTS");
  });

  it("makes an organization where there is none", async () => {
    expect(await onboarded("Brand_new", { regenerate_api_key_if_exists: true })).toMatchObject({
      org_slug: "Brand_new",
    });
  });
});
