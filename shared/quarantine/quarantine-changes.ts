import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import {
  afterRun,
  type OpenQuarantineMark,
  type OpenQuarantines,
  openQuarantinesPath,
  type QuarantineDocument,
  quarantineMarkPath,
  quarantinePath,
} from "./quarantine.ts";

/** What the end of a run does to quarantines. */
export interface RunQuarantines {
  pipelineId: string;
  /** Held by this run. */
  held: readonly QuarantineDocument[];
  /** Days by source that the run has published or found unchanged. */
  settledDays: Readonly<Record<string, readonly string[]>>;
}

/**
 * Reads, in the transaction that ends a run, what its end does to quarantines; the answered function writes it: what the
 * run holds is opened, what it has replaced by newer rows is superseded.
 */
export async function quarantineChanges(org: OrgIdentity, run: RunQuarantines, change: Change): Promise<() => void> {
  const path = openQuarantinesPath(org.key);
  const items = (await change.get<OpenQuarantines>(path)).body?.items ?? {};
  const held = run.held.map(({ source, days }) => [source, days] as const);
  const settledDays: Record<string, readonly string[]> = { ...run.settledDays };
  for (const [source, days] of held) settledDays[source] = [...(settledDays[source] ?? []), ...days];
  const { open, superseded } = afterRun(items, { pipelineId: run.pipelineId, settledDays });
  const replaced = await change.getAll<QuarantineDocument>(superseded.map((id) => quarantinePath(org.key, id)));
  const now = change.now.toISOString();
  return () => {
    for (const { path: itemPath, body } of replaced) {
      if (body?.state !== "OPEN") continue;
      change.set<QuarantineDocument>(itemPath, { ...body, state: "SUPERSEDED", decidedAt: now });
      change.delete(quarantineMarkPath(body.quarantineId));
    }
    for (const item of run.held) {
      change.create<QuarantineDocument>(quarantinePath(org.key, item.quarantineId), item);
      const { pipelineId, source, days, expiresAt } = item;
      open[item.quarantineId] = { pipelineId, source, days, expiresAt };
      change.create<OpenQuarantineMark>(quarantineMarkPath(item.quarantineId), { expiresAt, expireAt: expiresAt });
    }
    if (run.held.length > 0 || JSON.stringify(open) !== JSON.stringify(items))
      change.set<OpenQuarantines>(path, { items: open });
  };
}
