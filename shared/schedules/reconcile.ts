import type { OrgIdentity } from "#shared/access/caller.ts";
import { organizationsPage } from "#shared/access/each-organization.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { hasPlans } from "#shared/saas-plans/plan-store.ts";
import { schedulesRepaired, usablePipelines } from "./default-schedules.ts";
import type { TickPorts } from "./due-schedules.ts";
import { deleteSchedule, schedulesOf } from "./schedule-store.ts";

/** Document `ticks/reconcile-schedules`: where a tick that was cut off goes on. */
interface ReconcileTick {
  cursor: string | null;
  repaired: number;
}

const tickPath = "ticks/reconcile-schedules";
const workMilliseconds = 300_000;
/** Organizations of a page that are looked at together. */
const together = 8;

/**
 * Walks all organizations and puts their schedules right: missing ones are made, those of pipelines that are gone removed,
 * paused ones whose integration can be used again go on. After a crash the next call goes on where this one was; answers
 * false when its time was up before the end.
 */
export async function reconcileSchedules(ports: TickPorts): Promise<boolean> {
  const endsAt = ports.clock.now().getTime() + workMilliseconds;
  const { body } = await ports.documents.get<ReconcileTick>(tickPath);
  let cursor = body?.cursor ?? undefined;
  do {
    const page = await organizationsPage(ports.documents, cursor);
    const lines = [...page.orgs];
    let repaired = 0;
    const work = async (): Promise<void> => {
      for (let org = lines.shift(); org !== undefined; org = lines.shift()) repaired += await reconcileOne(org, ports);
    };
    await Promise.all(Array.from({ length: together }, work));
    cursor = page.next;
    await remember(cursor, repaired, ports.documents);
  } while (cursor !== undefined && ports.clock.now().getTime() < endsAt);
  return cursor === undefined;
}

/** The same as a tick: what is left when its time is up is for a further one, at once. */
export async function reconcileTick(ports: TickPorts): Promise<void> {
  if (await reconcileSchedules(ports)) return;
  await ports.topics.publish([{ topic: "tick-reconcile-schedules-tick", payload: {}, attributes: {} }]);
}

/** An error concerns one organization, not the walk. */
async function reconcileOne(org: OrgIdentity, ports: TickPorts): Promise<number> {
  try {
    return await reconcileOrganization(org, ports);
  } catch (error) {
    ports.log.error({ org: org.key, err: error }, "schedules not reconciled");
    return 0;
  }
}

/** The same for one organization; answers how many schedules were changed. */
export async function reconcileOrganization(org: OrgIdentity, ports: TickPorts): Promise<number> {
  const known = new Set((await pipelines()).pipelines.map(({ config }) => config.id));
  const plans = await hasPlans(org, ports.documents);
  return commitChange(async (change) => {
    const { body: owner } = await change.get<OrgDocument>(orgPath(org.key));
    if (owner?.state !== "ACTIVE" || owner.orgId !== org.orgId) return 0;
    const usable = await usablePipelines(org, plans, change);
    const repair = await schedulesRepaired(org, usable, change);
    const orphans = (await schedulesOf(org, change)).filter(({ body }) => !known.has(body.pipelineId));
    for (const orphan of orphans) deleteSchedule(orphan, change);
    return repair() + orphans.length;
  }, ports);
}

function remember(cursor: string | undefined, repaired: number, documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    const { body } = await tx.get<ReconcileTick>(tickPath);
    tx.set<ReconcileTick>(tickPath, {
      cursor: cursor ?? null,
      repaired: (body?.cursor == null ? 0 : body.repaired) + repaired,
    });
  });
}
