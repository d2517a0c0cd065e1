import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Answer, type AuditDetails, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import type { AllocationSettings } from "./allocate.ts";
import {
  type AllocationRule,
  inRuleOrder,
  RuleAnswer,
  type RuleRequest,
  type RuleUpdate,
  ruleAnswer,
} from "./allocation-rule.ts";
import {
  type AllocationJournal,
  type AllocationState,
  allocationJournalCollection,
  allocationStatePath,
  defaultSettings,
  isRuleId,
  listedRules,
  rulePath,
} from "./allocation-store.ts";
import { type HierarchyState, hierarchyStatePath } from "./default-levels.ts";
import { invalidField } from "./entity.ts";
import { treeAt } from "./hierarchy-store.ts";
import type { MetricsOf } from "./references.ts";
import { checkedAction, checkedMatch, type RuleSurroundings, refuseDays, ruleWarnings } from "./rule-check.ts";
import { actorOf, type OnStructure, type StructurePorts } from "./structure-change.ts";
import type { Tree } from "./tree.ts";

const maximumRules = 500;
const highestPriority = 100_000;

export const RuleCreated = strictObject({
  ...RuleAnswer.properties,
  warnings: Type.Array(
    strictObject({
      code: choice(["MATCHES_EVERYTHING", "NEVER_MATCHES", "SHADOWED_BY"]),
      rule_id: nullable(Type.String()),
    }),
  ),
});
export type RuleCreated = Static<typeof RuleCreated>;

export const RuleList = strictObject({
  org_slug: Type.String(),
  rules: Type.Array(RuleAnswer),
  version: Type.Integer(),
});
export type RuleList = Static<typeof RuleList>;

export const ReorderRequest = strictObject({ rule_ids: Type.Array(Type.String(), { maxItems: maximumRules }) });
export type ReorderRequest = Static<typeof ReorderRequest>;

const settingsFields = {
  tag_keys: Type.Array(plainText(1, 128), { minItems: 0, maxItems: 10, uniqueItems: true }),
  ignore_case: Type.Boolean(),
};
export const SettingsRequest = strictObject({
  tag_keys: Type.Optional(settingsFields.tag_keys),
  ignore_case: Type.Optional(settingsFields.ignore_case),
});
export type SettingsRequest = Static<typeof SettingsRequest>;
export const SettingsAnswer = strictObject({ ...settingsFields, version: Type.Integer() });
export type SettingsAnswer = Static<typeof SettingsAnswer>;

/** Rules and settings under change. */
interface RulesDraft {
  org: OrgIdentity;
  now: string;
  by: string;
  tree: Tree;
  metrics: RuleSurroundings["metrics"];
  settings: AllocationSettings;
  version: number;
  stored: readonly (Snapshot<AllocationRule> & { body: AllocationRule })[];
  newId(): string;
}

/** What one change writes. */
interface RulesWritten<T> {
  put: readonly AllocationRule[];
  deleted?: string;
  settings?: AllocationSettings;
  journal: { before: unknown; after: unknown };
  answer: Answer<T>;
  details: AuditDetails;
}

/** One change of rules or settings in one transaction with its journal; the state's version serialises them. */
function changeRules<T>(
  asked: OnStructure & { operation: string; metricsOf?: MetricsOf },
  effects: Effects<T>,
  given: StructurePorts,
  write: (draft: RulesDraft) => RulesWritten<T>,
): Promise<Answer<T>> {
  const { org, caller, operation } = asked;
  return effects.commit(async (change) => {
    const state = await change.get<AllocationState>(allocationStatePath(org));
    const structure = await change.get<HierarchyState>(hierarchyStatePath(org));
    const tree = await treeAt(org, structure, { store: given.documents, tx: change });
    const stored = await listedRules(org, change);
    const metrics = (await asked.metricsOf?.(org, change)) ?? new Set<string>();
    await effects.prepare(change);
    const settings = state.body?.settings ?? defaultSettings;
    const [now, by] = [change.now.toISOString(), actorOf(caller)];
    const newId = (): string => given.ids.newId("alc");
    const written = write({ org, now, by, tree, metrics, settings, version: state.version, stored, newId });
    const isChanged = written.put.length > 0 || written.deleted !== undefined || written.settings !== undefined;
    if (isChanged) writeRules({ org, now, by, operation, state, stored }, written, change);
    effects.conclude(change, written.answer, isChanged ? written.details : { ...written.details, isAudited: true });
    return written.answer;
  });
}

function writeRules<T>(
  at: { org: OrgIdentity; now: string; by: string; operation: string; state: Snapshot<AllocationState> } & Pick<
    RulesDraft,
    "stored"
  >,
  { put, deleted, settings, journal }: RulesWritten<T>,
  change: Change,
): void {
  const known = new Set(at.stored.map(({ body }) => body.ruleId));
  const added = put.filter(({ ruleId }) => !known.has(ruleId)).length;
  const ruleCount = known.size + added - (deleted === undefined ? 0 : 1);
  if (added > 0 && ruleCount > maximumRules)
    throw new AppError("LIMIT_REACHED", `An organization has at most ${maximumRules} allocation rules.`);
  change.set<AllocationState>(allocationStatePath(at.org), {
    settings: settings ?? at.state.body?.settings ?? defaultSettings,
    ruleCount,
  });
  for (const rule of put) {
    const path = rulePath(at.org, rule.ruleId);
    if (known.has(rule.ruleId)) change.set<AllocationRule>(path, rule);
    else change.create<AllocationRule>(path, rule);
  }
  if (deleted !== undefined) change.delete(rulePath(at.org, deleted));
  const number = at.state.version + 1;
  change.create<AllocationJournal>(`${allocationJournalCollection(at.org)}/${number}`, {
    number,
    at: at.now,
    by: at.by,
    operation: at.operation,
    ruleIds: [...put.map(({ ruleId }) => ruleId), ...(deleted === undefined ? [] : [deleted])],
    ...journal,
  });
}

/** What is known of a rule before it is written. */
interface RuleFacts {
  metricsOf: MetricsOf;
  /** No row of late would have been looked at by it. */
  isUnused: boolean;
}

/** Adds a rule, at the end of the order unless it says where. Throws `INVALID_BODY`, `HIERARCHY_ENTITY_UNKNOWN`, `LIMIT_REACHED`. */
export function createRule(
  asked: OnStructure & { request: RuleRequest } & RuleFacts,
  effects: Effects<RuleCreated>,
  given: StructurePorts,
): Promise<Answer<RuleCreated>> {
  return changeRules({ ...asked, operation: "allocation_rule.created" }, effects, given, (draft) => {
    const rule = newRule(asked.request, draft);
    const warnings = ruleWarnings(
      rule,
      [...draft.stored.map(({ body }) => body), rule].sort(inRuleOrder),
      asked.isUnused,
    );
    const answer = { ...ruleAnswer(rule), warnings };
    const details = { resourceId: rule.ruleId, details: { new: ruleAnswer(rule) } };
    return { put: [rule], journal: { before: null, after: rule }, answer, details };
  });
}

/** A rule as a request describes it. Also for previews, whose rules are never stored. */
export function newRule(
  request: RuleRequest,
  draft: Pick<RulesDraft, "now" | "by" | "tree" | "metrics" | "newId"> & {
    stored: readonly { body: AllocationRule }[];
  },
): AllocationRule {
  const last = Math.max(0, ...draft.stored.map(({ body }) => body.priority));
  const blank: AllocationRule = {
    ruleId: draft.newId(),
    name: request.name,
    description: null,
    priority: Math.min(last + 10, highestPriority),
    isActive: true,
    effectiveFrom: null,
    effectiveTo: null,
    overridesExplicit: false,
    match: {},
    action: request.action,
    version: 1,
    createdAt: draft.now,
    createdBy: draft.by,
    updatedAt: draft.now,
    updatedBy: draft.by,
  };
  return writtenRule(blank, request, draft);
}

/** Throws `INVALID_BODY`, `HIERARCHY_ENTITY_UNKNOWN`. An action that stays is not looked at again. */
export function writtenRule(
  before: AllocationRule,
  request: Omit<RuleUpdate, "expected_version">,
  surroundings: RuleSurroundings,
): AllocationRule {
  const rule: AllocationRule = {
    ...before,
    name: (request.name ?? before.name).normalize("NFC"),
    description: request.description === undefined ? before.description : request.description,
    priority: request.priority ?? before.priority,
    isActive: request.is_active ?? before.isActive,
    effectiveFrom: request.effective_from === undefined ? before.effectiveFrom : request.effective_from,
    effectiveTo: request.effective_to === undefined ? before.effectiveTo : request.effective_to,
    overridesExplicit: request.overrides_explicit ?? before.overridesExplicit,
    match: request.match === undefined ? before.match : checkedMatch(request.match),
    action: request.action === undefined ? before.action : checkedAction(request.action, surroundings),
  };
  refuseDays(rule);
  return rule;
}

/** Throws `ALLOCATION_RULE_NOT_FOUND`, `VERSION_CONFLICT`, `INVALID_BODY`, `HIERARCHY_ENTITY_UNKNOWN`. */
export function updateRule(
  asked: OnStructure & { ruleId: string; request: RuleUpdate } & RuleFacts,
  effects: Effects<RuleCreated>,
  given: StructurePorts,
): Promise<Answer<RuleCreated>> {
  const { expected_version: expected, ...request } = asked.request;
  return changeRules({ ...asked, operation: "allocation_rule.updated" }, effects, given, (draft) => {
    const before = ruleOf(draft.stored, asked.ruleId);
    if (expected !== undefined && expected !== before.version)
      throw new AppError("VERSION_CONFLICT", `The rule has version ${before.version}, not ${expected}.`);
    const written = writtenRule(before, request, draft);
    const isSame = JSON.stringify(written) === JSON.stringify(before);
    const next = isSame
      ? before
      : { ...written, version: before.version + 1, updatedAt: draft.now, updatedBy: draft.by };
    const others = draft.stored.map(({ body }) => body).filter(({ ruleId }) => ruleId !== next.ruleId);
    const warnings = ruleWarnings(next, [...others, next].sort(inRuleOrder), asked.isUnused);
    const answer = { ...ruleAnswer(next), warnings };
    const details = { resourceId: next.ruleId, details: { old: ruleAnswer(before), new: ruleAnswer(next) } };
    return { put: isSame ? [] : [next], journal: { before, after: next }, answer, details };
  });
}

function ruleOf(stored: readonly { body: AllocationRule }[], ruleId: string): AllocationRule {
  const found = stored.find(({ body }) => body.ruleId === ruleId);
  if (found === undefined) throw ruleNotFound();
  return found.body;
}

function ruleNotFound(): AppError {
  return new AppError("ALLOCATION_RULE_NOT_FOUND", "There is no such allocation rule.");
}

/** One rule. Throws `ALLOCATION_RULE_NOT_FOUND`. */
export async function ruleNamed(org: OrgIdentity, ruleId: string, documents: Documents): Promise<RuleAnswer> {
  const found = isRuleId(ruleId) ? (await documents.get<AllocationRule>(rulePath(org, ruleId))).body : undefined;
  if (found === undefined) throw ruleNotFound();
  return ruleAnswer(found);
}

/** Removes a rule; the journal keeps it. Throws `ALLOCATION_RULE_NOT_FOUND`. */
export function deleteRule(
  asked: OnStructure & { ruleId: string },
  effects: Effects<null>,
  given: StructurePorts,
): Promise<Answer<null>> {
  return changeRules<null>({ ...asked, operation: "allocation_rule.deleted" }, effects, given, (draft) => {
    const before = ruleOf(draft.stored, asked.ruleId);
    const details = { resourceId: before.ruleId, details: { old: ruleAnswer(before) } };
    const answer = new Reply(204, null);
    return { put: [], deleted: before.ruleId, journal: { before, after: null }, answer, details };
  });
}

/** Gives all rules the priorities 10, 20, ... in the given order. Throws `INVALID_BODY` unless each stands in it once. */
export function reorderRules(
  asked: OnStructure & { request: ReorderRequest },
  effects: Effects<RuleList>,
  given: StructurePorts,
): Promise<Answer<RuleList>> {
  const { rule_ids: ids } = asked.request;
  return changeRules({ ...asked, operation: "allocation_rules.reordered" }, effects, given, (draft) => {
    const isAll = new Set(ids).size === ids.length && ids.length === draft.stored.length;
    const known = new Set(draft.stored.map(({ body }) => body.ruleId));
    const unknown = ids.findIndex((id) => !known.has(id));
    if (unknown !== -1) throw invalidField(`/rule_ids/${unknown}`, "is no allocation rule");
    if (!isAll) throw invalidField("/rule_ids", `must name all ${draft.stored.length} rules, each once`);
    const ordered = ids.map((id, at) => ({ ...ruleOf(draft.stored, id), priority: (at + 1) * 10 }));
    const put = ordered
      .filter((rule) => ruleOf(draft.stored, rule.ruleId).priority !== rule.priority)
      .map((rule) => ({ ...rule, version: rule.version + 1, updatedAt: draft.now, updatedBy: draft.by }));
    const changed = new Map(put.map((rule) => [rule.ruleId, rule]));
    const rules = ordered.map((rule) => ruleAnswer(changed.get(rule.ruleId) ?? rule));
    const before = [...draft.stored.map(({ body }) => body)].sort(inRuleOrder).map(({ ruleId }) => ruleId);
    const answer = { org_slug: draft.org.slug, rules, version: draft.version + (put.length > 0 ? 1 : 0) };
    const details = { resourceId: "order", details: { old: before, new: ids } };
    return { put, journal: { before, after: ids }, answer, details };
  });
}

/** Which tags name entities, and whether their keys' case matters. */
export function setSettings(
  asked: OnStructure & { request: SettingsRequest },
  effects: Effects<SettingsAnswer>,
  given: StructurePorts,
): Promise<Answer<SettingsAnswer>> {
  const { tag_keys: keys, ignore_case: ignoreCase } = asked.request;
  return changeRules({ ...asked, operation: "allocation_settings.updated" }, effects, given, (draft) => {
    const before = draft.settings;
    const next = {
      tagKeys: keys?.map((key) => key.normalize("NFC")) ?? before.tagKeys,
      ignoreCase: ignoreCase ?? before.ignoreCase,
    };
    const isSame = JSON.stringify(next) === JSON.stringify(before);
    const answer = settingsAnswer(next, draft.version + (isSame ? 0 : 1));
    const details = { resourceId: "settings", details: { old: before, new: next } };
    return { put: [], ...(isSame ? {} : { settings: next }), journal: { before, after: next }, answer, details };
  });
}

export function settingsAnswer({ tagKeys, ignoreCase }: AllocationSettings, version: number): SettingsAnswer {
  return { tag_keys: [...tagKeys], ignore_case: ignoreCase, version };
}
