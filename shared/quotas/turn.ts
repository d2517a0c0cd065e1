import { setTimeout as pause } from "node:timers/promises";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Ids } from "#shared/platform/ids.ts";

/** Document `orgs/{key}/quota/turn`: the process that admits a long line of this organization now. */
interface TurnDocument {
  holder: string;
  until: string;
}

type TurnPorts = { documents: Documents; ids: Ids };

const turnMilliseconds = 3_000;
const maximumPolls = 100;

/**
 * Does the work while no other process does such work for the organization. Only an accelerator: of several processes
 * that commit hundreds of documents together with one counter all but one work for nothing. Who has waited about ten
 * seconds goes ahead without a turn; the counter's own precondition keeps the result right, with turns or without.
 */
export async function inTurn<R>(org: OrgIdentity, work: () => Promise<R>, ports: TurnPorts): Promise<R> {
  const path = `orgs/${org.key}/quota/turn`;
  const holder = ports.ids.newId("turn");
  await turnTaken(path, holder, ports.documents);
  try {
    return await work();
  } finally {
    // What the work has committed stands, whatever becomes of the turn: it ends by time too.
    await giveBack(path, holder, ports.documents).catch(() => undefined);
  }
}

async function turnTaken(path: string, holder: string, documents: Documents): Promise<void> {
  for (let poll = 0; poll < maximumPolls; poll++) {
    const { body, readAt } = await documents.get<TurnDocument>(path);
    if (!isHeld(body, readAt) && (await take(path, holder, documents))) return;
    await pause(50 + Math.random() * 100);
  }
}

function take(path: string, holder: string, documents: Documents): Promise<boolean> {
  return documents.transaction(async (tx) => {
    const { body, readAt } = await tx.get<TurnDocument>(path);
    if (isHeld(body, readAt)) return false;
    tx.set<TurnDocument>(path, { holder, until: new Date(readAt.getTime() + turnMilliseconds).toISOString() });
    return true;
  });
}

function giveBack(path: string, holder: string, documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    const { body } = await tx.get<TurnDocument>(path);
    if (body?.holder === holder) tx.delete(path);
  });
}

function isHeld(turn: TurnDocument | undefined, now: Date): boolean {
  return turn !== undefined && Date.parse(turn.until) > now.getTime();
}
