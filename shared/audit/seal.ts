import type { OrgAccessDocument } from "#shared/access/membership.ts";
import type { Documents, Page, Snapshot } from "#shared/platform/documents/documents.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import {
  type AuditChain,
  orgChain,
  platformChain,
  rowsBetween,
  type SealDocument,
  sealPath,
  stretchHash,
} from "./seal-chain.ts";

type SealPorts = { documents: Documents } & Pick<Surroundings, "clock">;

/** Document `ticks/audit-seal`: where the last tick ended when it ran out of time. */
interface SealTick {
  state: string;
  cursor: string | null;
}

/** Longer than any commit may take, so that no row appears later in a stretch that is sealed. */
const settledMilliseconds = 120_000;
const orgPageSize = 50;
const atOnce = 5;
/** Well before the next tick and the end of the function's time. */
const budgetMilliseconds = 240_000;
const states = ["ACTIVE", "DELETED"];
const tickPath = "ticks/audit-seal";
const beginning = "1970-01-01T00:00:00.000Z";

/**
 * Seals the settled rows of the platform and of every organization, going on where the last tick stopped; answers how many seals were made.
 * Safe to run twice, also at once: a seal is created, never replaced.
 */
export async function sealAudits(ports: SealPorts): Promise<number> {
  const startedAt = ports.clock.now().getTime();
  let sealed = Number(await sealChain(platformChain, ports));
  let place = await lastPlace(ports.documents);
  do {
    const page = await orgsAt(place, ports.documents);
    for (let at = 0; at < page.documents.length; at += atOnce) {
      const made = await Promise.all(
        page.documents.slice(at, at + atOnce).map((org) => sealChain(chainOf(org), ports)),
      );
      sealed += made.filter(Boolean).length;
    }
    place = nextPlace(place, page.next);
  } while (place !== undefined && ports.clock.now().getTime() - startedAt < budgetMilliseconds);
  await keepPlace(place, ports.documents);
  return sealed;
}

async function lastPlace(documents: Documents): Promise<SealTick | undefined> {
  const { body } = await documents.get<SealTick>(tickPath);
  return body !== undefined && states.includes(body.state) ? body : { state: states[0] ?? "", cursor: null };
}

function nextPlace(place: SealTick | undefined, cursor: string | undefined): SealTick | undefined {
  if (place === undefined) return undefined;
  if (cursor !== undefined) return { state: place.state, cursor };
  const state = states[states.indexOf(place.state) + 1];
  return state === undefined ? undefined : { state, cursor: null };
}

async function keepPlace(place: SealTick | undefined, documents: Documents): Promise<void> {
  await documents.transaction(async (tx) => {
    const { body } = await tx.get<SealTick>(tickPath);
    if (body === undefined && place === undefined) return;
    tx.set<SealTick>(tickPath, place ?? { state: states[0] ?? "", cursor: null });
  });
}

function chainOf({ path, body }: Snapshot<OrgAccessDocument> & { body: OrgAccessDocument }): AuditChain {
  return orgChain({ key: path.slice("orgs/".length), orgId: body.orgId });
}

function orgsAt(place: SealTick | undefined, documents: Documents): Promise<Page<OrgAccessDocument>> {
  return documents.list<OrgAccessDocument>({
    collection: "orgs",
    filters: [{ field: "state", is: "==", value: place?.state ?? "" }],
    orderBy: [{ field: "slug", direction: "asc" }],
    limit: orgPageSize,
    ...(place === undefined || place.cursor === null ? {} : { cursor: place.cursor }),
  });
}

/** Seals what has been written since the last seal and has settled; false when there is nothing, or another tick did it. */
async function sealChain(chain: AuditChain, { documents, clock }: SealPorts): Promise<boolean> {
  const last = await lastSeal(chain, documents);
  const after = last?.through ?? beginning;
  const through = new Date(clock.now().getTime() - settledMilliseconds).toISOString();
  if (through <= after || (await isEmpty(chain, { after, through }, documents))) return false;
  const previous = last?.hash ?? chain.start;
  const { hash, rows } = await stretchHash(chain, { previous, after, through }, documents);
  const n = (last?.n ?? 0) + 1;
  try {
    await documents.transaction(async (tx) => {
      tx.create<SealDocument>(sealPath(chain, n), { n, previous, hash, rows, after, through });
    });
    return true;
  } catch (error) {
    if (isAppError(error, "DOCUMENT_EXISTS")) return false;
    throw error;
  }
}

async function isEmpty(
  chain: AuditChain,
  stretch: { after: string; through: string },
  documents: Documents,
): Promise<boolean> {
  for await (const _row of rowsBetween(chain, stretch, documents)) return false;
  return true;
}

async function lastSeal(chain: AuditChain, documents: Documents): Promise<SealDocument | undefined> {
  const { documents: found } = await documents.list<SealDocument>({
    collection: chain.seals,
    orderBy: [{ field: "n", direction: "desc" }],
    limit: 1,
  });
  return found[0]?.body;
}
