import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type AllocationInput, type Assignment, allocator, confidenceOf, methods, type Step } from "./allocate.ts";
import { type RuleList, type SettingsAnswer, settingsAnswer } from "./allocation-changes.ts";
import { ruleAnswer } from "./allocation-rule.ts";
import { type AllocationJournal, allocationJournalCollection, currentRules } from "./allocation-store.ts";
import { type AssignmentKey, emptyKey } from "./assignment-key.ts";
import type { VersionsQuery } from "./journal.ts";
import { entitiesOf } from "./rule-references.ts";
import { entityIdOf } from "./tree.ts";

const optional = Type.Optional;

export const RulesQuery = strictObject({
  include_inactive: Type.Boolean({ default: false }),
  entity_id: optional(Type.String({ minLength: 1, maxLength: 50 })),
});
export type RulesQuery = Static<typeof RulesQuery>;

/** Allocation rules in the order they are tried; of one entity, those that name it. */
export async function listRules(org: OrgIdentity, query: RulesQuery, documents: Documents): Promise<RuleList> {
  const { rules, version } = await currentRules(org, documents);
  const entityId = query.entity_id === undefined ? undefined : (entityIdOf(query.entity_id) ?? "");
  const chosen = rules.filter(
    (rule) =>
      (rule.isActive || query.include_inactive) && (entityId === undefined || entitiesOf(rule.action).has(entityId)),
  );
  return { org_slug: org.slug, rules: chosen.map(ruleAnswer), version };
}

export async function readSettings(org: OrgIdentity, documents: Documents): Promise<SettingsAnswer> {
  const { settings, version } = await currentRules(org, documents);
  return settingsAnswer(settings, version);
}

export const AllocationVersions = strictObject({
  org_slug: Type.String(),
  versions: Type.Array(
    strictObject({
      version: Type.Integer(),
      at: Type.String({ format: "date-time" }),
      by: Type.String(),
      operation: Type.String(),
      rule_ids: Type.Array(Type.String()),
      old: Type.Unknown(),
      new: Type.Unknown(),
    }),
  ),
  next_cursor: nullable(Type.String()),
});
export type AllocationVersions = Static<typeof AllocationVersions>;

/** Changes of rules and settings, newest first. Throws `CURSOR_INVALID`. */
export async function allocationVersions(
  org: OrgIdentity,
  query: VersionsQuery,
  documents: Documents,
): Promise<AllocationVersions> {
  const page = await documents.list<AllocationJournal>({
    collection: allocationJournalCollection(org),
    filters: [{ field: "number", is: ">", value: 0 }],
    orderBy: [{ field: "number", direction: "desc" }],
    limit: query.limit,
    cursor: query.cursor,
  });
  const versions = page.documents.map(({ body }) => ({
    version: body.number,
    at: body.at,
    by: body.by,
    operation: body.operation,
    rule_ids: body.ruleIds,
    old: body.before,
    new: body.after,
  }));
  return { org_slug: org.slug, versions, next_cursor: page.next ?? null };
}

const attribute = optional(nullable(plainText(0, 1000)));

/** The attributes of a row, as a rule's match names them in the plural. */
export const ExplainRequest = strictObject({
  charge_date: Type.String({ format: "date" }),
  provider: attribute,
  credential_id: attribute,
  environment: attribute,
  service_category: attribute,
  service_name: attribute,
  sub_account_id: attribute,
  sub_account_name: attribute,
  billing_account_id: attribute,
  api_key_id: attribute,
  model: attribute,
  region: attribute,
  charge_category: attribute,
  charge_description: attribute,
  resource_id: attribute,
  plan_line: attribute,
  subscription_id: attribute,
  service_tier: attribute,
  meter: attribute,
  tags: optional(Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 1000 }))),
});
export type ExplainRequest = Static<typeof ExplainRequest>;

export const Explanation = strictObject({
  steps: Type.Array(
    strictObject({
      step: choice(["explicit", "rule", "tag", "credential", "unallocated"]),
      rule_id: nullable(Type.String()),
      result: choice(["taken", "passed"]),
      why: Type.String(),
    }),
  ),
  entity_id: nullable(Type.String({ description: "Where all of the row goes; null when it is divided" })),
  method: choice(methods),
  confidence: nullable(Type.String()),
  shares: Type.Array(
    strictObject({
      entity_id: Type.String(),
      reason: nullable(Type.String()),
      numerator: Type.String({ description: "The exact fraction; both as whole numbers in text" }),
      denominator: Type.String(),
    }),
  ),
});
export type Explanation = Static<typeof Explanation>;

/** Every step that a row with these attributes is put through. A spread names its targets, not their weights. */
export function explained(key: AssignmentKey, input: AllocationInput): Explanation {
  const steps: Step[] = [];
  const assignment = allocator(input)(key, (step) => steps.push(step));
  const shares = sharesOf(assignment);
  const [only] = shares;
  const method = assignment.kind === "spread" ? "spread" : assignment.method;
  return {
    steps: steps.map(({ step, ruleId, result, why }) => ({ step, rule_id: ruleId, result, why })),
    entity_id: assignment.kind === "shares" && shares.length === 1 ? (only?.entity_id ?? null) : null,
    method,
    confidence: confidenceOf[method],
    shares,
  };
}

/** The row that a request describes. */
export function keyOfRequest(request: ExplainRequest): AssignmentKey {
  const text = (value: string | null | undefined): string | null => value?.normalize("NFC") ?? null;
  const tags = Object.entries(request.tags ?? {}).map(([key, value]) => [key.normalize("NFC"), value.normalize("NFC")]);
  return {
    ...emptyKey,
    day: request.charge_date,
    provider: text(request.provider),
    credentialId: text(request.credential_id),
    environment: text(request.environment) ?? "prod",
    serviceCategory: text(request.service_category),
    serviceName: text(request.service_name),
    subAccountId: text(request.sub_account_id),
    subAccountName: text(request.sub_account_name),
    billingAccountId: text(request.billing_account_id),
    apiKeyId: text(request.api_key_id),
    model: text(request.model),
    region: text(request.region),
    chargeCategory: text(request.charge_category),
    chargeDescription: text(request.charge_description),
    resourceId: text(request.resource_id),
    planLine: text(request.plan_line),
    subscriptionId: text(request.subscription_id),
    serviceTier: text(request.service_tier),
    meter: text(request.meter),
    tags: Object.fromEntries(tags),
  };
}

function sharesOf(assignment: Assignment): Explanation["shares"] {
  if (assignment.kind === "spread") {
    const { targets } = assignment.spread;
    // Weights of cost are those of a day or month: a row alone does not tell them.
    if (assignment.spread.weight !== "even") return [];
    const denominator = String(targets.length);
    return targets.map((entity_id) => ({ entity_id, reason: null, numerator: "1", denominator }));
  }
  const total = assignment.shares.reduce((sum, { weight }) => sum + weight, 0n);
  return assignment.shares.map(({ entityId, reason, weight }) => ({
    entity_id: entityId,
    reason,
    numerator: String(weight),
    denominator: String(total),
  }));
}
