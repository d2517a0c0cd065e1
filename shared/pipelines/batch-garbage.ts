import type { OrgIdentity } from "#shared/access/caller.ts";
import { organizationsPage } from "#shared/access/each-organization.ts";
import { pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import type { PipelineMonth } from "#shared/ledger/ledger.ts";
import { inDays, type LooseBatch, looseBatchesPath, newBatchPath, replacedDays } from "#shared/ledger/loose-batches.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents, Found } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import {
  type OpenQuarantines,
  openQuarantinesPath,
  type QuarantineDocument,
  quarantinePath,
  statusOf,
} from "#shared/quarantine/quarantine.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { organizationTables } from "./parts.ts";
import { isTerminal, type PartDocument, type RunDocument } from "./run.ts";
import { isRunId, partPath, runPath } from "./run-paths.ts";

type GarbagePorts = { documents: Documents; warehouse: Warehouse } & Pick<Surroundings, "clock" | "log">;

/** Document `ticks/batch-garbage`: where a tick that was cut off goes on. */
interface GarbageTick {
  cursor: string | null;
}

const tickPath = "ticks/batch-garbage";
const workMilliseconds = 300_000;
/** So few that they are done before the tick is ended: each statement of the warehouse takes seconds. */
const orgsOfPage = 10;
type Note = Found<LooseBatch>;

/** A batch of which a note fell due, with the notes that are known of it. */
interface DueBatch extends Pick<LooseBatch, "batchId" | "table"> {
  notes: Note[];
}

const pageSize = 200;
/** Of one organization and tick: the rest is due tomorrow too. */
const mostPages = 50;
/** Asked for at once. */
const parallel = 20;

/**
 * Removes, in every organization, the batches that nothing names any more. One that fails does not stop the others. What is
 * left when its time is up is for a further tick, at once, which goes on where this one was; so does the next after a crash.
 */
export async function removeGarbage(ports: GarbagePorts & { topics: Topics }): Promise<number> {
  const endsAt = ports.clock.now().getTime() + workMilliseconds;
  let cursor = (await ports.documents.get<GarbageTick>(tickPath)).body?.cursor ?? undefined;
  let removed = 0;
  let failure: unknown;
  do {
    const page = await organizationsPage(ports.documents, cursor, orgsOfPage);
    for (const org of page.orgs) {
      try {
        removed += await removeGarbageOf(org, ports);
      } catch (error) {
        failure = error;
        ports.log.error({ org: org.key, err: error }, "batches that nothing names were not removed");
      }
    }
    cursor = page.next;
    await remember(cursor, ports.documents);
  } while (cursor !== undefined && ports.clock.now().getTime() < endsAt);
  // A failure brings the tick again, from the cursor on.
  if (failure !== undefined) throw failure;
  if (cursor !== undefined)
    await ports.topics.publish([{ topic: "tick-batch-garbage-tick", payload: {}, attributes: {} }]);
  return removed;
}

function remember(cursor: string | undefined, documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    await tx.get<GarbageTick>(tickPath);
    tx.set<GarbageTick>(tickPath, { cursor: cursor ?? null });
  });
}

/**
 * Removes what fell due and is named by no ledger, hold, open quarantine, live run or read of the past, with one statement
 * per table. What is named is looked at again later. Answers how many batches went.
 */
async function removeGarbageOf(org: OrgIdentity, { documents, warehouse, clock }: GarbagePorts): Promise<number> {
  const now = clock.now();
  const organization = existingOrg((await documents.get<OrgDocument>(orgPath(org.key))).body);
  const due = await dueBatches(org, now, documents);
  if (due.length === 0) return 0;
  // Each question before the place where its answer ends up: a run that publishes and ends meanwhile is found in the ledger,
  // a batch that the ledger lets go meanwhile in its newest note.
  const awaited = await awaitedBatches(org, due, documents);
  const inLedger = await namedInLedger(org, organization, due, documents);
  const isFree = ({ batchId }: DueBatch): boolean => !awaited.has(batchId) && !inLedger.has(batchId);
  const free = await withAllNotes(org, due.filter(isFree), documents);
  const gone = free.filter(({ notes }) => notes.every(({ body }) => body.dueAt <= now.toISOString()));
  const tables = await organizationTables();
  for (const name of new Set(gone.map(({ table }) => table))) {
    const table = tables.get(name);
    if (table === undefined) throw new Error(`there is no table ${name}`);
    const ids = gone.filter((one) => one.table === name).map(({ batchId }) => batchId);
    await warehouse.remove({ datasetId: organization.dataset.id, table }, ids.sort());
  }
  for (const one of gone) await forgotten(org, one, documents);
  for (const one of free) if (!gone.includes(one)) await keptUntil(lastDueAt(one), org, one, documents);
  for (const one of due)
    if (!isFree(one)) await keptUntil(inDays(now, awaited.has(one.batchId) ? 1 : replacedDays), org, one, documents);
  return gone.length;
}

/** Batches of which a note is due, with that and their first note. */
async function dueBatches(org: OrgIdentity, now: Date, documents: Documents): Promise<DueBatch[]> {
  const due = new Map<string, DueBatch>();
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const found = await documents.list<LooseBatch>({
      collection: looseBatchesPath(org.key),
      filters: [{ field: "dueAt", is: "<=", value: now.toISOString() }],
      orderBy: [{ field: "dueAt", direction: "asc" }],
      limit: pageSize,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const note of found.documents) {
      const { batchId, table } = note.body;
      due.set(batchId, { batchId, table, notes: [...(due.get(batchId)?.notes ?? []), note] });
    }
    cursor = found.next;
    if (cursor === undefined) break;
  }
  const all = [...due.values()];
  const first = await documents.getAll<LooseBatch>(all.map(({ batchId }) => newBatchPath(org.key, batchId)));
  return all.map((one, at) => {
    const known = first[at];
    if (known?.body === undefined || one.notes.some(({ path }) => path === known.path)) return one;
    return { ...one, notes: [...one.notes, { ...known, body: known.body }] };
  });
}

async function withAllNotes(org: OrgIdentity, batches: readonly DueBatch[], documents: Documents): Promise<DueBatch[]> {
  const all: DueBatch[] = [];
  for (let at = 0; at < batches.length; at += parallel) {
    const some = batches.slice(at, at + parallel).map(async (one) => {
      const ofBatch = [{ field: "batchId", is: "==" as const, value: one.batchId }];
      const query = { collection: looseBatchesPath(org.key), filters: ofBatch };
      return { ...one, notes: await allDocuments<LooseBatch>(query, documents) };
    });
    all.push(...(await Promise.all(some)));
  }
  return all;
}

function lastDueAt({ notes }: DueBatch): string {
  return notes.reduce((last, { body }) => (body.dueAt > last ? body.dueAt : last), "");
}

/** The documents of a month name exactly what its entries, its held days and its corrections consist of. */
async function namedInLedger(
  org: OrgIdentity,
  { ledgerEpoch }: OrgDocument,
  due: readonly DueBatch[],
  documents: Documents,
): Promise<Set<string>> {
  const notes = due.flatMap((one) => one.notes);
  const paths = new Set(
    notes.flatMap(({ body }) => body.months.map((month) => pipelineMonthPath(org, month, body.pipelineId))),
  );
  const named = new Set<string>();
  for (const { body } of await documents.getAll<PipelineMonth>([...paths]))
    if (body?.epoch === ledgerEpoch) for (const { id } of Object.values(body.batches)) named.add(id);
  return named;
}

/** Batches that an open quarantine or a run that has not ended may still publish. */
async function awaitedBatches(org: OrgIdentity, due: readonly DueBatch[], documents: Documents): Promise<Set<string>> {
  const runOf = ({ notes }: DueBatch): string[] =>
    notes.flatMap(({ body }) => (body.runId !== null && isRunId(body.runId) ? [body.runId] : []));
  const runs = [...new Set(due.flatMap(runOf))];
  const found = await documents.getAll<RunDocument>(runs.map((runId) => runPath(org.key, runId)));
  const live = new Set(
    found.flatMap(({ body }) => (body !== undefined && !isTerminal(body.status) ? [body.runId] : [])),
  );
  const written = due.filter((one) => runOf(one).some((runId) => live.has(runId))).map(({ batchId }) => batchId);
  // After the runs: one that ended in between has opened what it held.
  const open = (await documents.get<OpenQuarantines>(openQuarantinesPath(org.key))).body?.items ?? {};
  const items = await documents.getAll<QuarantineDocument>(Object.keys(open).map((id) => quarantinePath(org.key, id)));
  const held = items.flatMap(({ body, readAt }) =>
    body !== undefined && statusOf(body, readAt) === "OPEN" ? body.publications : [],
  );
  const batches = held.flatMap(({ parts }) => Object.values(parts).flatMap((part) => part.batches.map(({ id }) => id)));
  return new Set([...batches, ...written]);
}

/** The batch is looked at again then: its first note stays, those that fell due have had their time. */
async function keptUntil(
  dueAt: string,
  org: OrgIdentity,
  { batchId, notes }: DueBatch,
  documents: Documents,
): Promise<void> {
  const first = newBatchPath(org.key, batchId);
  const due = notes.map(({ path }) => path);
  const kept = due.includes(first) ? first : due[0];
  await documents.transaction(async (tx) => {
    for (const { path, body } of await tx.getAll<LooseBatch>(due)) {
      if (body === undefined) continue;
      if (path === kept) tx.set<LooseBatch>(path, { ...body, dueAt });
      else if (body.dueAt < dueAt) tx.delete(path);
    }
  });
}

async function forgotten(org: OrgIdentity, { batchId, notes }: DueBatch, documents: Documents): Promise<void> {
  const run = notes.map(({ body }) => body.runId).find((runId) => runId !== null);
  await documents.transaction(async (tx) => {
    const part =
      run === undefined || run === null ? undefined : await tx.get<PartDocument>(partPath(org.key, run, batchId));
    if (part?.body !== undefined) tx.set<PartDocument>(part.path, { ...part.body, state: "REMOVED" });
    for (const { path } of notes) tx.delete(path);
  });
}
