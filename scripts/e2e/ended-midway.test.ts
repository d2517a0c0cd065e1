import { OAuth2Client } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { removeIntegration } from "#shared/integrations/remove.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { type DeletionAnswer, deleteOrganization } from "#shared/offboarding/delete-organization.ts";
import { renewLease } from "#shared/pipelines/claim.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import {
  type BigQueryDouble,
  startBigQueryDouble,
} from "#shared/platform/warehouse/bigquery-double/bigquery-double.ts";
import { bigqueryWarehouse } from "#shared/platform/warehouse/bigquery-warehouse.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { auditedEffects } from "./audited-effects.ts";
import { shapedRun, workedOn } from "./shaped-run.fixture.ts";
import { publishedBilled, startWorld, type World } from "./world.ts";

const days = { start_date: "2026-07-01", end_date: "2026-07-02" };
const published = { "2026-07-01": "1.5", "2026-07-02": "1.5" };
let world: World;
let count = 0;

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop());

async function freshRun(): Promise<{ org: OrgIdentity; runId: string }> {
  count += 1;
  const { org } = await world.onboarded(`midway${count}`);
  await world.connected(org, `midwaycase${count}`);
  return { org, runId: await shapedRun(world, org, days) };
}
const billed = async (org: OrgIdentity) =>
  publishedBilled(await publishedMonth(org, "2026-07", 1, world.ports.documents));
const quota = async (org: OrgIdentity) => (await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;

// pipelines.md 16
describe("a run that loses its ground while it works", () => {
  it("finishes where its organization is suspended: only its claim asks for the subscription", async () => {
    const { org, runId } = await freshRun();
    const midway = () =>
      world.ports.documents.transaction(async (tx) => {
        const { body } = await tx.get<SubscriptionDocument>(subscriptionPath(org));
        if (body === undefined) throw new Error("there is no subscription");
        tx.set<SubscriptionDocument>(subscriptionPath(org), { ...body, status: "SUSPENDED" });
      });

    const run = await workedOn(world, { org, runId }, { midway });

    expect([run.status, run.error]).toEqual(["COMPLETED", null]);
    expect(await billed(org)).toEqual(published);
    expect((await quota(org))?.running).toEqual({});
    await expect(shapedRun(world, org, days)).rejects.toMatchObject({ code: "SUBSCRIPTION_INACTIVE" });
  });

  it("publishes nothing more once its credential is deleted, and is ended by the next who takes it", async () => {
    const { org, runId } = await freshRun();
    let isRenewed: boolean | undefined;
    const midway = async (): Promise<void> => {
      const asked = { org, provider: "openai", credentialName: undefined };
      await commitChange((change) => removeIntegration(asked, change), world.ports);
      isRenewed = await renewLease(await world.run(org, runId), world.ports);
    };

    await workedOn(world, { org, runId }, { midway });
    expect([isRenewed, await billed(org)]).toEqual([false, {}]);
    world.clock.advance(240);
    await sweepRuns(world.ports);
    const run = await workedOn(world, { org, runId }, {});

    expect([run.status, run.error?.code]).toEqual(["FAILED", "CREDENTIAL_GONE"]);
    expect([await billed(org), (await quota(org))?.running]).toEqual([{}, {}]);
  });

  it("is over, and publishes nothing, once its organization is deleted", async () => {
    const { org, runId } = await freshRun();
    let isRenewed: boolean | undefined;
    const midway = async (): Promise<void> => {
      const claimed = await world.run(org, runId);
      const asked = { slug: org.slug, request: { confirm_org_slug: org.slug } };
      const caller = { kind: "root" as const, credentialId: "root" as const };
      const effects = auditedEffects<DeletionAnswer>("organization.deleted", world.ports);
      await deleteOrganization({ ...asked, caller }, effects, world.ports);
      isRenewed = await renewLease(claimed, world.ports);
    };

    const run = await workedOn(world, { org, runId }, { midway });
    const again = await workedOn(world, { org, runId }, {});

    expect([isRenewed, run.status]).toEqual([false, "CANCELLED"]);
    expect(again).toEqual(run);
    expect([await billed(org), (await quota(org))?.running]).toEqual([{}, {}]);
  });

  it("leaves nothing half done while the keys are down, and is done by the message that comes again", async () => {
    const { org, runId } = await freshRun();
    const open: EnginePorts["keys"]["open"] = async () => {
      throw new AppError("KEYS_UNAVAILABLE", "the key service is away", { retryable: true });
    };
    const without: EnginePorts = { ...world.ports, keys: { ...world.ports.keys, open } };

    for (let delivery = 1; delivery <= 3; delivery++)
      await expect(workedOn(world, { org, runId }, {}, without)).rejects.toMatchObject({ code: "KEYS_UNAVAILABLE" });
    expect([(await world.run(org, runId)).error, await billed(org)]).toEqual([null, {}]);
    const run = await workedOn(world, { org, runId }, {});

    expect(run).toMatchObject({ status: "COMPLETED", recoveries: 0 });
    expect([await billed(org), (await quota(org))?.dayRuns]).toEqual([published, 1]);
  });
});

describe("a run whose load jobs fail for good", () => {
  let double: BigQueryDouble;
  let embedded: EnginePorts["warehouse"];
  beforeAll(async () => {
    double = await startBigQueryDouble();
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: "test" });
    const pace = { firstPoll: 2, longestPoll: 10, pause: 1 };
    embedded = world.ports.warehouse;
    world.ports.warehouse = bigqueryWarehouse({
      ...{ projectId: "p-test", location: "US", apiEndpoint: double.url, authClient, pace },
    });
  });
  afterAll(async () => {
    world.ports.warehouse = embedded;
    await double.stop();
  });
  const jobIds = () => double.inspection.loadJobs().map(({ jobId }) => jobId);
  const attempts = (ids: readonly string[]) => ids.map((id) => Number(/-a(\d+)$/.exec(id)?.[1]));

  it("loads under the next number after each failure it has read, and publishes once", async () => {
    const { org, runId } = await freshRun();
    double.faults.failJob("backendError", 2);

    const run = await workedOn(world, { org, runId }, {});

    expect(run.status).toBe("COMPLETED");
    expect(attempts(jobIds())).toEqual([1, 2, 3]);
    expect(new Set(jobIds().map((id) => id.replace(/-a\d+$/, ""))).size).toBe(1);
    expect(await billed(org)).toEqual(published);
  });

  it("fails after the fifth job, says why, and a later run publishes what it pulls", async () => {
    const { org, runId } = await freshRun();
    const before = jobIds().length;
    double.faults.failJob("backendError", 5);

    const run = await workedOn(world, { org, runId }, {});

    expect(run.error).toMatchObject({ code: "WAREHOUSE_LOAD_REJECTED", type: "DEPENDENCY_FAILURE", fault: "platform" });
    expect([run.status, run.error?.isRetryable]).toEqual(["FAILED", false]);
    expect(attempts(jobIds().slice(before))).toEqual([1, 2, 3, 4, 5]);
    expect([await billed(org), (await quota(org))?.running]).toEqual([{}, {}]);
    const later = await workedOn(world, { org, runId: await shapedRun(world, org, days) }, {});
    expect([later.status, await billed(org)]).toEqual(["COMPLETED", published]);
  });
});
