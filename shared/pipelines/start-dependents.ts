import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type DependentOrder, type DependentsMessage, dependentOrders } from "./dependents.ts";
import { newRun, writeRun } from "./new-run.ts";
import { parameterValues } from "./parameters.ts";
import { type PipelineRegistry, pipelines } from "./registry.ts";
import type { ActiveRunDocument } from "./run.ts";
import { activeRunPath } from "./run-paths.ts";

/**
 * Starts the pipelines that run after another (`run_after`), not counted. Safe to repeat: the id of each run comes from
 * the run it follows, so a message that comes twice makes it once.
 */
export async function startDependents(
  message: DependentsMessage,
  ports: ReservePorts,
  registry?: PipelineRegistry,
): Promise<void> {
  for (const order of await dependentOrders(message, registry ?? (await pipelines()), ports)) {
    if (order.pipeline.config.enabled) await start(order, ports);
  }
}

async function start(order: DependentOrder, ports: ReservePorts): Promise<void> {
  const { org, credentialId, activeKey } = order;
  const parameters = parameterValues(order.pipeline.config.parameters, {});
  await commitChange(async (change) => {
    const started = `orgs/${org.key}/dependents/${order.triggerBy}~${activeKey}`;
    const [active, known] = await change.getAll<object>([activeRunPath(org.key, activeKey), started]);
    const isUnderWay = (active?.body as ActiveRunDocument | undefined) !== undefined;
    if (isUnderWay || known?.body !== undefined) return;
    const planned = { runId: ports.ids.newId("run"), credentialId, activeKey };
    const now = active?.readAt ?? change.now;
    const run = newRun({ ...order, parameters }, planned, { unit: null, start: "published", now });
    change.create(started, {
      runId: run.runId,
      expireAt: new Date(now.getTime() + keptMilliseconds).toISOString(),
    });
    writeRun(run, undefined, change);
  }, ports);
}

/** A message is not delivered later than this any more. */
const keptMilliseconds = 31 * 86_400_000;
