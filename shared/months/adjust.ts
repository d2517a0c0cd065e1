import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { categories } from "#shared/costs/filters.ts";
import { type PlatformFacts, platformFacts } from "#shared/costs/platform-facts.ts";
import { entityToName } from "#shared/hierarchy/entity-reference.ts";
import { adjustableMonths, bookedManually, type ManualAdjustment, manualSource } from "#shared/ledger/adjustments.ts";
import type { Correction } from "#shared/ledger/correction-groups.ts";
import { correctionRow, keptColumns } from "#shared/ledger/correction-rows.ts";
import { dayTotals, type HoldingPorts, writtenBatch } from "#shared/ledger/held-plan.ts";
import { type MonthHead, manualPipeline, monthOf } from "#shared/ledger/ledger.ts";
import { parseAmount } from "#shared/money/amount.ts";
import { isUtcDay } from "#shared/money/fx.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type AdjustmentAnswer, adjustmentAnswer } from "./adjustment-answer.ts";
import { placeOf, refuseOtherVersion } from "./close.ts";
import { monthNamed } from "./month-state.ts";

export const AdjustmentRequest = strictObject({
  amount: Type.String({
    pattern: "^-?\\d{1,12}(\\.\\d{1,12})?$",
    description: "Decimal text, not 0; what the month lacks",
  }),
  currency: Type.String({ pattern: "^[A-Z]{3}$" }),
  provider: plainText(1, 256),
  service: plainText(1, 256),
  effective_date: Type.Optional(
    Type.String({ maxLength: 20, description: "UTC day of an open month that it lies on; today by default" }),
  ),
  category: Type.Optional(choice(categories)),
  account: Type.Optional(plainText(1, 256)),
  entity_id: Type.Optional(plainText(1, 256)),
  reason: plainText(3, 500),
  expected_version: Type.Optional(Type.Integer({ minimum: 0 })),
});
type AdjustmentRequest = Static<typeof AdjustmentRequest>;

interface Asked {
  org: OrgIdentity;
  caller: Caller;
  month: string;
  body: AdjustmentRequest;
}

/**
 * Books a person's correction of a closed month as a dated row in an open one. Errors: `MONTH_NOT_CLOSED`, `MONTH_CLOSED`
 * where the day it is to lie on is of a closed month, `VERSION_CONFLICT`, `INVALID_DATE`, `INVALID_PARAMETER`,
 * `HIERARCHY_ENTITY_UNKNOWN`. Source: `costs.md` 6.
 */
export async function createAdjustment(
  asked: Asked,
  effects: Effects<AdjustmentAnswer>,
  ports: HoldingPorts & Pick<Surroundings, "ids">,
): Promise<AdjustmentAnswer> {
  const { org } = asked;
  const body = await withEntity(asked, ports);
  const month = monthNamed(asked.month);
  const facts = await platformFacts();
  const now = ports.clock.now().toISOString();
  const correction = correctionOf(body, { facts, today: now.slice(0, 10), id: ports.ids.newId("adj") });
  const found = existingOrg((await ports.documents.get<OrgDocument>(orgPath(org.key))).body);
  const check = (head: MonthHead) => refuseOtherVersion(head, body.expected_version);
  // What is refused leaves no batch behind.
  await adjustableMonths(placeOf(org, found, month), correction.day, check, ports.documents);
  const row = correctionRow(correction, { month, day: null, pipelineId: manualPipeline, source: manualSource });
  const to = {
    org,
    datasetId: found.dataset.id,
    pipelineId: manualPipeline,
    runId: correction.key,
    id: correction.key,
  };
  const batch = await writtenBatch([row], {
    ...to,
    now,
    months: [monthOf(correction.day)],
    table: facts.costTable,
    ports,
  });
  const own = { at: now, by: asked.caller.credentialId, reason: body.reason };
  const manual: ManualAdjustment = {
    id: correction.key,
    day: correction.day,
    adjustment: { ...own, d: dayTotals([correction]), h: batch.contentHash },
    batch: batch.ref,
  };
  const answer = adjustmentAnswer(
    row,
    { ...own, kind: "manual", month, day: null },
    { isFinal: false, digits: facts.minorDigits },
  );
  return effects.commit(async (change) => {
    const organization = existingOrg((await change.get<OrgDocument>(orgPath(org.key))).body);
    const place = placeOf(org, organization, month);
    const write = await bookedManually(place, manual, check, change);
    await effects.prepare(change);
    write();
    const { reason: _reason, expected_version: _version, ...details } = body;
    effects.conclude(change, answer, {
      resourceId: answer.row_id,
      details: { ...details, reason: body.reason, month },
    });
    return answer;
  });
}

/** The body with the entity's id as it is stored: once its row is written, the row's own entity (`hierarchy.md` 2.1). */
async function withEntity(
  { org, body }: Asked,
  { documents }: Pick<HoldingPorts, "documents">,
): Promise<AdjustmentRequest> {
  const { entity_id: text } = body;
  if (text === undefined) return body;
  return { ...body, entity_id: await entityToName({ org, text, path: "/entity_id" }, documents) };
}

function correctionOf(
  body: AdjustmentRequest,
  { facts, today, id }: { facts: PlatformFacts; today: string; id: string },
): Correction {
  const day = body.effective_date ?? today;
  if (!isUtcDay(day) || day > today)
    throw refused("INVALID_DATE", "effective_date", "is not a UTC day up to today, YYYY-MM-DD");
  const amount = parseAmount(body.amount);
  if (amount.isZero()) throw refused("INVALID_PARAMETER", "amount", "must not be 0");
  if (!facts.minorDigits.has(body.currency)) throw refused("INVALID_PARAMETER", "currency", "is not known");
  return { key: id, day, costs: [amount, amount, amount, amount], columns: columnsOf(body, facts) };
}

function columnsOf(body: AdjustmentRequest, facts: PlatformFacts): Record<string, unknown> {
  const provider = facts.providerId(body.provider);
  const name = facts.providerName(provider);
  const own: Record<(typeof keptColumns)[number], unknown> = {
    ...(Object.fromEntries(keptColumns.map((column) => [column, null])) as Record<(typeof keptColumns)[number], null>),
    BillingAccountId: body.account ?? provider,
    BillingCurrency: body.currency,
    ChargeDescription: body.reason,
    HostProviderName: name,
    InvoiceIssuerName: name,
    ProviderName: name,
    PublisherName: name,
    ServiceCategory: "Other",
    ServiceName: body.service.normalize("NFC"),
    ServiceProviderName: name,
    ServiceSubcategory: "Other (Other)",
    SubAccountId: body.account ?? null,
    // The tag by which a row names the entity it belongs to.
    Tags: body.entity_id === undefined ? null : JSON.stringify({ entity_id: body.entity_id }),
    x_category: body.category ?? "other",
    x_cost_basis: "manual",
    x_cost_status: "exact",
    x_credential_id: "none",
    x_provider: provider,
    x_simulated: false,
  };
  return own;
}

function refused(code: string, field: string, problem: string): AppError {
  return new AppError(code, `${field} ${problem}.`, { fields: [{ path: `/${field}`, problem }] });
}
