import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Message } from "#shared/platform/topics/topics.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { checkedPipelines } from "./checked-pipelines.ts";
import { outputTablesMessage } from "./output-tables.ts";
import type { Pipeline } from "./pipeline.ts";

const text = Type.String();
const instant = Type.String({ format: "date-time" });

/** Document `platform/pipelineRegistry`: the configurations this installation has taken over, by pipeline id. */
interface RegistryDocument {
  entries: Record<string, RegistryEntry>;
}

interface RegistryEntry {
  address: string;
  version: string;
  digest: string;
  createdAt: string;
  modifiedAt: string;
}

const registryPath = "platform/pipelineRegistry";

export const SyncRequest = strictObject({
  force: Type.Boolean({ default: false }),
  procedures: Type.Optional(Type.Array(plainText(0, 60), { maxItems: 200 })),
  domain: Type.Optional(plainText(0, 50)),
});
type SyncRequest = Static<typeof SyncRequest>;

export const SyncAnswer = strictObject({
  success: Type.Boolean(),
  created: Type.Array(text),
  updated: Type.Array(text),
  skipped: Type.Array(text),
  failed: Type.Array(strictObject({ name: text, errors: Type.Array(text) })),
  message: text,
});
export type SyncAnswer = Static<typeof SyncAnswer>;

export const ProcedureItem = strictObject({
  name: text,
  full_name: text,
  version: text,
  digest: text,
  created_at: instant,
  modified_at: instant,
});
type ProcedureItem = Static<typeof ProcedureItem>;

export const ProcedureList = strictObject({ procedures: Type.Array(ProcedureItem), count: Type.Integer() });
type ProcedureList = Static<typeof ProcedureList>;

/**
 * Compares the shipped configurations with those taken over and takes over what is new, all or nothing: a file that is
 * not valid, or has changed without a greater version, keeps everything as it is. Runs in flight keep what they started
 * with. Then the organizations' tables and schedules follow, by messages.
 */
export async function syncProcedures(request: SyncRequest, effects: Effects<SyncAnswer>): Promise<SyncAnswer> {
  const found = await shipped(request);
  return effects.commit(async (change) => {
    const stored = (await change.get<RegistryDocument>(registryPath)).body ?? { entries: {} };
    await effects.prepare(change);
    const answer = compared(found, stored, request);
    const taken = new Set([...answer.created, ...answer.updated]);
    const now = change.now.toISOString();
    const fresh = found.pipelines
      .filter(({ config }) => taken.has(config.id))
      .map((pipeline) => [pipeline.config.id, entryOf(pipeline, stored.entries[pipeline.config.id], now)]);
    const entries = { ...stored.entries, ...Object.fromEntries(fresh) };
    if (answer.success && taken.size > 0) change.set<RegistryDocument>(registryPath, { entries });
    if (answer.success) for (const message of follows) change.publish(message);
    const { created, updated, skipped, failed } = answer;
    effects.conclude(change, answer, { details: { created, updated, skipped: skipped.length, failed } });
    return answer;
  });
}

/** What follows a sync: the tables that are written, and the schedules that pipelines have by themselves. */
const follows: readonly Message[] = [
  outputTablesMessage(),
  { topic: "tick-reconcile-schedules-tick", payload: {}, attributes: {} },
];

interface Shipped {
  pipelines: readonly Pipeline[];
  failed: SyncAnswer["failed"];
}

async function shipped({ procedures, domain }: SyncRequest): Promise<Shipped> {
  try {
    const { pipelines } = await checkedPipelines();
    const isAsked = ({ config }: Pipeline): boolean =>
      (procedures === undefined || procedures.includes(config.id)) &&
      (domain === undefined || config.domain === domain);
    const unknown = (procedures ?? []).filter((id) => pipelines.every(({ config }) => config.id !== id));
    return {
      pipelines: pipelines.filter(isAsked),
      failed: unknown.map((name) => ({ name, errors: ["there is no such pipeline"] })),
    };
  } catch (error) {
    if (!isAppError(error, "PIPELINE_CONFIG_INVALID")) throw error;
    const byFile = new Map<string, string[]>();
    for (const { path, problem } of error.fields) {
      const file = path.slice(0, path.indexOf(".yml"));
      byFile.set(file, [...(byFile.get(file) ?? []), `${path} ${problem}`]);
    }
    return { pipelines: [], failed: [...byFile].map(([name, errors]) => ({ name, errors })) };
  }
}

function compared(found: Shipped, stored: RegistryDocument, { force }: SyncRequest): SyncAnswer {
  const failed = [...found.failed];
  const [created, updated, skipped]: [string[], string[], string[]] = [[], [], []];
  for (const { config, digest } of found.pipelines) {
    const known = stored.entries[config.id];
    if (known === undefined) created.push(config.id);
    else if (known.digest === digest) (force ? updated : skipped).push(config.id);
    else if (isGreater(config.version, known.version)) updated.push(config.id);
    else failed.push({ name: config.id, errors: [`has changed; its version must be greater than ${known.version}`] });
  }
  if (failed.length > 0)
    return { success: false, created: [], updated: [], skipped, failed, message: "Nothing was taken over." };
  const message = `${created.length} created, ${updated.length} updated, ${skipped.length} unchanged.`;
  return { success: true, created, updated, skipped, failed, message };
}

function isGreater(version: string, than: string): boolean {
  const numbers = (of: string): number[] => of.split(".").map(Number);
  const [own, other] = [numbers(version), numbers(than)];
  const at = own.findIndex((number, index) => number !== other[index]);
  return at !== -1 && (own[at] ?? 0) > (other[at] ?? 0);
}

function entryOf({ address, config, digest }: Pipeline, known: RegistryEntry | undefined, now: string): RegistryEntry {
  return { address, version: config.version, digest, createdAt: known?.createdAt ?? now, modifiedAt: now };
}

/** The configurations that were taken over, by name. */
export async function listProcedures(documents: Documents): Promise<ProcedureList> {
  const stored = (await documents.get<RegistryDocument>(registryPath)).body?.entries ?? {};
  const procedures = Object.entries(stored)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, entry]) => procedureItem(name, entry));
  return { procedures, count: procedures.length };
}

/** One of them. Throws `PROCEDURE_NOT_FOUND`. */
export async function procedureOf(name: string, documents: Documents): Promise<ProcedureItem> {
  const stored = (await documents.get<RegistryDocument>(registryPath)).body?.entries ?? {};
  const entry = Object.hasOwn(stored, name) ? stored[name] : undefined;
  if (entry === undefined) throw new AppError("PROCEDURE_NOT_FOUND", "There is no such procedure.");
  return procedureItem(name, entry);
}

function procedureItem(
  name: string,
  { address, version, digest, createdAt, modifiedAt }: RegistryEntry,
): ProcedureItem {
  return { name, full_name: address, version, digest, created_at: createdAt, modified_at: modifiedAt };
}
