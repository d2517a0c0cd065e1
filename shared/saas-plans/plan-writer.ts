import { createHash } from "node:crypto";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { entityToName } from "#shared/hierarchy/entity-reference.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Answer, AuditDetails, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { type WhenPlanned, withNewPlan } from "./first-plan.ts";
import type { PlanVersion } from "./plan.ts";
import { type Restates, requestCharges, restatedDays } from "./plan-charges.ts";
import { utcDay } from "./plan-days.ts";
import { planMirrorRow } from "./plan-mirror.ts";
import { type SaasProviderDocument, saasProviderPath } from "./plan-providers.ts";
import { isPlanId, type PlanLineDocument, planLinePath, planPath, planVersions } from "./plan-store.ts";
import { firstChangedDay, type Stamp } from "./versions.ts";

export type PlanPorts = { documents: Documents } & Pick<Surroundings, "clock" | "ids">;

/** What a write answers, and what its audit row says; `isAudited` in the details: nothing had to be written. */
export interface Written<T> {
  answer: Answer<T>;
  details: AuditDetails;
}

/** One contract as the transaction has read it. */
export interface PlanLine {
  lineId: string;
  versions: PlanVersion[];
}

/** One write to the plans of an organization: everything is read and decided in memory, then written together. */
export interface PlanWriter extends Stamp {
  org: OrgIdentity;
  organization: OrgDocument;
  provider(slug: string): Promise<SaasProviderDocument | undefined>;
  line(lineId: string): Promise<PlanLine>;
  /** The line of a version. Throws `PLAN_NOT_FOUND`. */
  lineOf(provider: string, subscriptionId: string): Promise<{ version: PlanVersion; line: PlanLine }>;
  /** All lines of a provider. */
  linesOf(provider: string): Promise<PlanLine[]>;
  /** Registry ids of connected providers. */
  connected(): Promise<string[]>;
  /** The stored id of an active entity. Throws `HIERARCHY_ENTITY_UNKNOWN`. */
  entityNamed(text: string): Promise<string>;
  newVersionId(provider: string, planName: string): string;
  /** A new version, or one as it stands from now on. */
  save(version: PlanVersion): void;
  saveProvider(provider: SaasProviderDocument): void;
  /** The first day on which what was saved so far moves a charge; null: none. */
  changedFrom(): string | null;
  /** The same, with what it means for days that are over. */
  restates(): Promise<Restates>;
}

/**
 * One write in one transaction: versions, lines, the provider's switch, the mirror's rows, the audit row, and the
 * request for the run that publishes the days it changes. Writes to one line follow each other, because each reads and
 * writes the line.
 */
export async function changePlans<T>(
  asked: { org: OrgIdentity; caller: Caller; whenPlanned?: WhenPlanned | undefined },
  effects: Effects<T>,
  given: PlanPorts,
  body: (writer: PlanWriter) => Promise<Written<T>>,
): Promise<Answer<T>> {
  return effects.commit(async (change) => {
    const draft = await draftOf(asked, given, change);
    const { answer, details } = await body(draft.writer);
    const { whenPlanned } = asked;
    const writeMore = await withNewPlan(asked.org, { isNew: draft.hasNew(), whenPlanned }, change);
    await effects.prepare(change);
    draft.flush(String(details.action ?? "plans"));
    writeMore();
    effects.conclude(change, answer, details);
    return answer;
  });
}

interface Draft {
  writer: PlanWriter;
  /** Whether a version is among what was saved that is not stored yet. */
  hasNew(): boolean;
  flush(reason: string): void;
}

/** What the transaction has read and will write. */
interface Desk {
  lines: Map<string, Snapshot<PlanLineDocument>>;
  /** As stored, by id. */
  stored: Map<string, Snapshot<PlanVersion> & { body: PlanVersion }>;
  providers: Map<string, Snapshot<SaasProviderDocument>>;
  saved: Map<string, PlanVersion>;
  savedProviders: Map<string, SaasProviderDocument>;
}

async function draftOf(
  { org, caller }: { org: OrgIdentity; caller: Caller },
  given: PlanPorts,
  change: Change,
): Promise<Draft> {
  const { body: organization } = await change.get<OrgDocument>(orgPath(org.key));
  if (organization === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  const desk: Desk = {
    lines: new Map(),
    stored: new Map(),
    providers: new Map(),
    saved: new Map(),
    savedProviders: new Map(),
  };
  const stamp = { now: change.now.toISOString(), by: actorOf(caller), today: utcDay(change.now) };
  const reads = readsOf(org, desk, change);
  const writer: PlanWriter = {
    ...{ org, organization, ...stamp, ...reads },
    newVersionId: (provider, planName) => versionId(provider, planName, given.ids.newId("sub")),
    save: (version) => desk.saved.set(version.subscriptionId, version),
    saveProvider: (provider) => desk.savedProviders.set(provider.provider, provider),
    changedFrom: () => changedFrom(desk),
    restates: () => restatedDays(org, changedFrom(desk), stamp.today, change),
  };
  const flush = (reason: string): void => {
    write({ org, datasetId: organization.dataset.id, desk, now: stamp.now, ids: given.ids }, change);
    requestCharges(org, { from: changedFrom(desk), today: stamp.today, reason }, change);
  };
  return { writer, flush, hasNew: () => [...desk.saved.keys()].some((id) => !desk.stored.has(id)) };
}

function changedFrom({ stored, saved }: Desk): string | null {
  const before = [...saved.keys()].flatMap((id) => stored.get(id)?.body ?? []);
  return firstChangedDay(before, [...saved.values()]);
}

function readsOf(
  org: OrgIdentity,
  desk: Desk,
  change: Change,
): Pick<PlanWriter, "provider" | "line" | "lineOf" | "linesOf" | "connected" | "entityNamed"> {
  const line = async (lineId: string): Promise<PlanLine> => {
    const stored = await change.get<PlanLineDocument>(planLinePath(org, lineId));
    desk.lines.set(lineId, stored);
    const ids = stored.body?.versions ?? [];
    const found = ids.length === 0 ? [] : await change.getAll<PlanVersion>(ids.map((id) => planPath(org, id)));
    return { lineId, versions: found.flatMap((snapshot) => kept(snapshot, desk)) };
  };
  return {
    line,
    provider: async (slug) => {
      const stored = await change.get<SaasProviderDocument>(saasProviderPath(org, slug));
      desk.providers.set(slug, stored);
      return stored.body;
    },
    lineOf: async (provider, subscriptionId) => {
      if (!isPlanId(subscriptionId)) throw planNotFound();
      const { body: asked } = await change.get<PlanVersion>(planPath(org, subscriptionId));
      if (asked === undefined || asked.provider !== provider) throw planNotFound();
      const found = await line(asked.lineId);
      const version = found.versions.find((each) => each.subscriptionId === subscriptionId);
      if (version === undefined) throw new Error(`the line ${asked.lineId} does not know ${subscriptionId}`);
      return { version, line: found };
    },
    connected: async () => {
      const { body } = await change.get<IntegrationsIndex>(indexPath(org));
      return Object.keys(body?.providers ?? {});
    },
    entityNamed: (text) => entityToName({ org, text, path: "/hierarchy_entity_id" }, change),
    linesOf: async (provider) => {
      const versions = await planVersions(org, provider, change);
      return Promise.all([...new Set(versions.map(({ lineId }) => lineId))].map(line));
    },
  };
}

function kept(snapshot: Snapshot<PlanVersion>, { stored }: Desk): PlanVersion[] {
  const { body } = snapshot;
  if (body === undefined) return [];
  stored.set(body.subscriptionId, { ...snapshot, body });
  return [body];
}

export function planNotFound(): AppError {
  return new AppError("PLAN_NOT_FOUND", "There is no such plan.");
}

function write(
  at: { org: OrgIdentity; datasetId: string; desk: Desk; now: string; ids: Surroundings["ids"] },
  change: Change,
): void {
  const { org, desk } = at;
  const rows = [...desk.saved.values()].map((version) => {
    const known = desk.stored.get(version.subscriptionId);
    const path = planPath(org, version.subscriptionId);
    if (known === undefined) change.create<PlanVersion>(path, version);
    else change.set<PlanVersion>(path, version);
    const documentVersion = (known?.version ?? 0) + 1;
    return planMirrorRow(version, { documentVersion, eventId: at.ids.newId("evt"), now: at.now });
  });
  for (const lineId of new Set([...desk.saved.values()].map((version) => version.lineId)))
    writeLine(org, lineId, desk, change);
  for (const provider of desk.savedProviders.values())
    change.set<SaasProviderDocument>(saasProviderPath(org, provider.provider), provider);
  if (rows.length > 0) change.journal(at.datasetId, "saas_subscription_plans", rows);
}

/** Also where no version is new: whoever writes a line has it to itself. */
function writeLine(org: OrgIdentity, lineId: string, desk: Desk, change: Change): void {
  const own = [...desk.saved.values()].filter((version) => version.lineId === lineId);
  const [first] = own;
  if (first === undefined) return;
  const known = desk.lines.get(lineId)?.body?.versions ?? [];
  const { provider, planName, contractId } = first;
  change.set<PlanLineDocument>(planLinePath(org, lineId), {
    ...{ lineId, provider, planName, contractId },
    versions: [...new Set([...known, ...own.map(({ subscriptionId }) => subscriptionId)])],
  });
}

/** `line_` and a hash of what makes a contract: two transactions that make the same one meet in its document. */
export function lineIdOf(provider: string, planName: string, contractId: string | null): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([provider, planName, contractId]))
    .digest("hex");
  return `line_${hash.slice(0, 20)}`;
}

/** `sub_<provider>_<plan>_<12 hex>`, whatever letters the plan's name has. */
function versionId(provider: string, planName: string, random: string): string {
  const name = planName.toLowerCase().replace(/[^a-z0-9_-]/g, "_");
  return `sub_${provider}_${name}_${createHash("sha256").update(random).digest("hex").slice(0, 12)}`;
}

/** Who writes, as versions keep it. */
export function actorOf(caller: Caller): string {
  if (caller.kind === "key") return caller.keyId;
  if (caller.kind === "member" || caller.kind === "person") return caller.userId;
  return caller.kind;
}
