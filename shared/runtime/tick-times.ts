import type { Documents } from "#shared/platform/documents/documents.ts";

/** Document `platform/ticks`: by function, its times and when it last began a work that it brought to its end. */
export interface TickTimes {
  ticks: Record<string, TickTime>;
}

interface TickTime {
  /** Five fields, UTC. */
  cron: string;
  /** RFC 3339 UTC. */
  at: string;
}

export const tickTimesPath = "platform/ticks";

/** Notes that a tick has done its work; one that began later keeps its place. */
export async function noteTick(
  name: string,
  { cron, at }: { cron: string; at: Date },
  documents: Documents,
): Promise<void> {
  await documents.transaction(async (tx) => {
    const { ticks = {} } = (await tx.get<TickTimes>(tickTimesPath)).body ?? {};
    const own: TickTime = { cron, at: at.toISOString() };
    const known = ticks[name];
    if (known?.cron === cron && known.at >= own.at) return;
    tx.set<TickTimes>(tickTimesPath, { ticks: { ...ticks, [name]: own } });
  });
}
