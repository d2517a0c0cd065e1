import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { parseAmount } from "./amount.ts";
import { loadMinorDigits } from "./currencies.ts";
import { fxMonthOf, plainRate } from "./fx.ts";
import { currencyCode } from "./fx-answer.ts";
import {
  emptyOrgFxHead,
  isStandingAt,
  type OrgFxHead,
  type OrgFxMonth,
  orgFxHeadPath,
  orgFxMonthPath,
  type StoredOrgRate,
} from "./fx-store.ts";

const CurrencyText = Type.String({ pattern: "^[A-Za-z]{3}$" });
const Day = Type.String({ format: "date" });
const maximumRates = 2_000;
const firstDay = "2000-01-01";
const yearsAhead = 5;

export const OrgRateRequest = strictObject({
  from_currency: CurrencyText,
  to_currency: CurrencyText,
  rate: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String({ maxLength: 40 })], {
    description: "1 from_currency in to_currency, at most 12 decimals",
  }),
  valid_from: Day,
  valid_to: Type.Optional(nullable(Type.String({ format: "date", description: "Last UTC day; open-ended without" }))),
  reason: plainText(3, 500),
});
export type OrgRateRequest = Static<typeof OrgRateRequest>;

export const OrgRateQuery = strictObject({ from_currency: CurrencyText, to_currency: CurrencyText, valid_from: Day });
export type OrgRateQuery = Static<typeof OrgRateQuery>;

export const OrgRateRow = strictObject({
  from_currency: Type.String(),
  to_currency: Type.String(),
  rate: Type.String(),
  valid_from: Day,
  valid_to: nullable(Day),
  reason: Type.String(),
  created_at: Type.String(),
  created_by: Type.String(),
});
export type OrgRateRow = Static<typeof OrgRateRow>;

export const OrgRateList = strictObject({
  org_slug: Type.String(),
  rates: Type.Array(OrgRateRow),
  count: Type.Integer(),
  next_cursor: Type.Null(),
});
export type OrgRateList = Static<typeof OrgRateList>;

interface OnOrgRates {
  org: OrgIdentity;
  caller: Caller;
}

/** The organization's standing rates by pair and first day. They hold for exactly their pair, not for the way back. */
export async function listOrgRates(org: OrgIdentity, documents: Documents): Promise<OrgRateList> {
  const { rates, head } = await readOrgRates(org, documents);
  const rows = rates
    .filter((rate) => isStandingAt(rate, head.fxVersion))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .map(rowOf);
  return { org_slug: org.slug, rates: rows, count: rows.length, next_cursor: null };
}

/**
 * Sets a rate for a pair and days. The same rate again changes nothing; days that another rate of the pair covers are a
 * conflict (`FX_RATE_OVERLAP`): a rate is taken back, never overwritten.
 */
export async function setOrgRate(
  asked: OnOrgRates & { request: OrgRateRequest },
  effects: Effects<OrgRateRow>,
  given: Pick<Surroundings, "clock">,
): Promise<Answer<OrgRateRow>> {
  const { org, caller } = asked;
  const today = given.clock.now().toISOString().slice(0, 10);
  const rate = await wantedRate(asked.request, today);
  return effects.commit(async (change) => {
    const { rates, head } = await readOrgRates(org, change);
    const standing = rates.filter((each) => isStandingAt(each, head.fxVersion) && isSamePair(each, rate));
    const month = fxMonthOf(rate.validFrom);
    const stored = (await change.get<OrgFxMonth>(orgFxMonthPath(org, month))).body;
    await effects.prepare(change);
    const resourceId = `${rate.from}-${rate.to}-${rate.validFrom}`;
    const same = standing.find((each) => isSameRate(each, rate));
    if (same !== undefined) return conclude(rowOf(same), { resourceId, isAudited: true });
    const other = standing.find((each) => overlap(each, rate));
    if (other !== undefined) throw overlapping(other);
    if (rates.length >= maximumRates) throw invalid([{ path: "/", problem: `is one rate more than ${maximumRates}` }]);
    const fxVersion = head.fxVersion + 1;
    const made = madeRate(rate, {
      setVersion: fxVersion,
      createdAt: change.now.toISOString(),
      createdBy: actorOf(caller),
    });
    change.set<OrgFxMonth>(orgFxMonthPath(org, month), {
      orgId: org.orgId,
      month,
      rates: [...(stored?.rates ?? []), made],
    });
    change.set<OrgFxHead>(orgFxHeadPath(org), { fxVersion, months: [...new Set([...head.months, month])].sort() });
    return conclude(rowOf(made), { resourceId, details: { new: rowOf(made) } });

    function conclude(answer: OrgRateRow, details: Parameters<typeof effects.conclude>[2]): OrgRateRow {
      effects.conclude(change, answer, details);
      return answer;
    }
  });
}

/** Takes a rate back; also when there is none. Months that were closed with it keep it. */
export async function deleteOrgRate(
  asked: OnOrgRates & { query: OrgRateQuery },
  effects: Effects<null>,
): Promise<Answer<null>> {
  const { org, query } = asked;
  const [from, to] = [query.from_currency.toUpperCase(), query.to_currency.toUpperCase()];
  const month = fxMonthOf(query.valid_from);
  return effects.commit(async (change) => {
    const head = (await change.get<OrgFxHead>(orgFxHeadPath(org))).body ?? emptyOrgFxHead;
    const stored = (await change.get<OrgFxMonth>(orgFxMonthPath(org, month))).body;
    await effects.prepare(change);
    const isMeant = (rate: StoredOrgRate): boolean =>
      isStandingAt(rate, head.fxVersion) && isSamePair(rate, { from, to }) && rate.validFrom === query.valid_from;
    const meant = stored?.rates.find(isMeant);
    const answer = new Reply(204, null);
    const resourceId = `${from}-${to}-${query.valid_from}`;
    if (stored === undefined || meant === undefined) {
      effects.conclude(change, answer, { resourceId, isAudited: true });
      return answer;
    }
    const fxVersion = head.fxVersion + 1;
    const end = { deletedAt: change.now.toISOString(), deletedBy: actorOf(asked.caller), deletedVersion: fxVersion };
    const rates = stored.rates.map((rate) => (rate === meant ? { ...rate, ...end } : rate));
    change.set<OrgFxMonth>(orgFxMonthPath(org, month), { ...stored, rates });
    change.set<OrgFxHead>(orgFxHeadPath(org), { ...head, fxVersion });
    effects.conclude(change, answer, { resourceId, details: { old: rowOf(meant) } });
    return answer;
  });
}

type WantedRate = Pick<StoredOrgRate, "from" | "to" | "rate" | "validFrom" | "validTo" | "reason">;

async function wantedRate(request: OrgRateRequest, today: string): Promise<WantedRate> {
  const known = await loadMinorDigits();
  const from = currencyCode(request.from_currency, known, "/from_currency");
  const to = currencyCode(request.to_currency, known, "/to_currency");
  const rate = plainRate(typeof request.rate === "string" ? request.rate : parseAmount(String(request.rate)).toFixed());
  const { valid_from: validFrom, valid_to: validTo = null, reason } = request;
  const lastDay = `${Number(today.slice(0, 4)) + yearsAhead}${today.slice(4)}`;
  const problems: FieldProblem[] = [];
  if (from === to) problems.push({ path: "/to_currency", problem: "is the same currency" });
  if (rate === undefined) problems.push({ path: "/rate", problem: "is no decimal above 0 with at most 12 decimals" });
  for (const [path, day] of [["/valid_from", validFrom] as const, ["/valid_to", validTo] as const]) {
    if (day !== null && (day < firstDay || day > lastDay))
      problems.push({ path, problem: `must be a day from ${firstDay} to ${lastDay}` });
  }
  if (validTo !== null && validTo < validFrom) problems.push({ path: "/valid_to", problem: "is before valid_from" });
  if (problems.length > 0 || rate === undefined) throw invalid(problems);
  return { from, to, rate, validFrom, validTo, reason };
}

async function readOrgRates(
  org: OrgIdentity,
  by: Pick<Documents, "get" | "getAll">,
): Promise<{ head: OrgFxHead; rates: StoredOrgRate[] }> {
  const head = (await by.get<OrgFxHead>(orgFxHeadPath(org))).body ?? emptyOrgFxHead;
  const months = await by.getAll<OrgFxMonth>(head.months.map((month) => orgFxMonthPath(org, month)));
  return { head, rates: months.flatMap(({ body }) => body?.rates ?? []) };
}

function madeRate(rate: WantedRate, by: Pick<StoredOrgRate, "setVersion" | "createdAt" | "createdBy">): StoredOrgRate {
  return { ...rate, ...by, deletedAt: null, deletedBy: null, deletedVersion: null };
}

function isSamePair(a: Pick<StoredOrgRate, "from" | "to">, b: Pick<StoredOrgRate, "from" | "to">): boolean {
  return a.from === b.from && a.to === b.to;
}

function isSameRate(standing: StoredOrgRate, rate: WantedRate): boolean {
  return (["rate", "validFrom", "validTo", "reason"] as const).every((name) => standing[name] === rate[name]);
}

function overlap(a: Pick<WantedRate, "validFrom" | "validTo">, b: Pick<WantedRate, "validFrom" | "validTo">): boolean {
  return (b.validTo === null || a.validFrom <= b.validTo) && (a.validTo === null || b.validFrom <= a.validTo);
}

function keyOf({ from, to, validFrom }: StoredOrgRate): string {
  return `${from} ${to} ${validFrom}`;
}

function rowOf(rate: StoredOrgRate): OrgRateRow {
  return {
    from_currency: rate.from,
    to_currency: rate.to,
    rate: rate.rate,
    valid_from: rate.validFrom,
    valid_to: rate.validTo,
    reason: rate.reason,
    created_at: rate.createdAt,
    created_by: rate.createdBy,
  };
}

/** Who writes, as rates keep it. */
function actorOf(caller: Caller): string {
  if (caller.kind === "key") return caller.keyId;
  return caller.kind === "member" || caller.kind === "person" ? caller.userId : caller.kind;
}

function overlapping({ validFrom, validTo }: StoredOrgRate): AppError {
  const days = validTo === null ? `from ${validFrom} on` : `from ${validFrom} to ${validTo}`;
  return new AppError("FX_RATE_OVERLAP", `A rate of this pair stands ${days}; take it back first.`, {
    fields: [{ path: "/valid_from", problem: `is covered by the rate ${days}` }],
  });
}

function invalid(fields: FieldProblem[]): AppError {
  return new AppError("INVALID_BODY", `The rate is not valid: ${fields[0]?.path} ${fields[0]?.problem}.`, { fields });
}
