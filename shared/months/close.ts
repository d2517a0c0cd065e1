import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, openRead, summaryOf } from "#shared/costs/read-summary.ts";
import { closeMonth, type MonthPlace, monthHead } from "#shared/ledger/closing.ts";
import type { MonthClosing, MonthHead } from "#shared/ledger/ledger.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type OpenQuarantines, openQuarantinesPath } from "#shared/quarantine/quarantine.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { isOver, type MonthState, monthNamed, monthState } from "./month-state.ts";
import { monthTotals, rangeOf } from "./months-read.ts";

export const CloseRequest = strictObject({
  note: Type.Optional(plainText(1, 500)),
  accept_incomplete: Type.Boolean({ default: false }),
  expected_version: Type.Optional(Type.Integer({ minimum: 0 })),
});
type CloseRequest = Static<typeof CloseRequest>;

interface Asked {
  org: OrgIdentity;
  caller: Caller;
  month: string;
  body: CloseRequest;
}

const attempts = 3;

/**
 * Closes a month: what it says stays until it is reopened. Errors: `MONTH_OPEN` while its last day is not over,
 * `MONTH_CLOSED`, `MONTH_INCOMPLETE` with what it lacks unless that is accepted, `VERSION_CONFLICT` where it is not the
 * expected version or kept changing. Source: `costs.md` 6.
 */
export async function closeCosts(asked: Asked, effects: Effects<MonthState>, ports: CostPorts): Promise<MonthState> {
  const month = monthNamed(asked.month);
  const today = ports.clock.now().toISOString().slice(0, 10);
  if (!isOver(month, today)) throw new AppError("MONTH_OPEN", `${month} is not over yet.`);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const seen = await seenMonth(asked.org, month, ports);
    const closed = await effects.commit(async (change) => {
      const organization = existingOrg((await change.get<OrgDocument>(orgPath(asked.org.key))).body);
      const place = placeOf(asked.org, organization, month);
      const head = await monthHead(place, change);
      if (head.state === "closed") throw new AppError("MONTH_CLOSED", `${month} is closed already.`);
      refuseOtherVersion(head, asked.body.expected_version);
      if (seen.lacks !== undefined && !asked.body.accept_incomplete) throw seen.lacks;
      if (head.ledgerVersion !== seen.version) return undefined;
      await effects.prepare(change);
      const at = change.now.toISOString();
      const closing = { ...seen.facts, at, by: asked.caller.credentialId, note: asked.body.note ?? null };
      const answer = monthState(month, closeMonth(place, head, closing, change), today);
      const details = {
        version: head.ledgerVersion,
        totals: seen.facts.totals,
        is_incomplete: seen.lacks !== undefined,
      };
      effects.conclude(change, answer, { resourceId: month, details: { ...details, note: closing.note } });
      return answer;
    });
    if (closed !== undefined) return closed;
  }
  throw new AppError("VERSION_CONFLICT", `${month} kept changing while it was closed.`);
}

export function placeOf(org: OrgIdentity, organization: OrgDocument, month: string): MonthPlace {
  return { org, datasetId: organization.dataset.id, epoch: organization.ledgerEpoch, month };
}

export function refuseOtherVersion(head: MonthHead, expected: number | undefined): void {
  if (expected === undefined || expected === head.ledgerVersion) return;
  throw new AppError("VERSION_CONFLICT", `The month is at version ${head.ledgerVersion}.`);
}

/** What a month says at one version, and what it lacks. */
async function seenMonth(
  org: OrgIdentity,
  month: string,
  ports: CostPorts,
): Promise<{
  version: number;
  facts: Pick<MonthClosing, "totals" | "rows" | "fxVersion">;
  lacks: AppError | undefined;
}> {
  const { start, end } = rangeOf(month);
  const read = await openRead({ org, query: { start_date: start, end_date: end } }, ports, await platformFacts());
  const { completeness } = await summaryOf(read, {}, ports);
  const lacks = {
    missing_days: completeness.sources.reduce((sum, source) => sum + source.missing_day_count, 0),
    quarantined: await quarantinedDays(org, month, ports.clock.now(), ports.documents),
    unpriced: completeness.unpriced.rows,
    unconverted: completeness.unconverted.length,
  };
  const isComplete = Object.values(lacks).every((count) => count === 0);
  return {
    version: read.snapshot.versions[month] ?? 0,
    facts: {
      ...monthTotals(read.snapshot.months.find((one) => one.month === month)),
      fxVersion: read.conversion.book.version,
    },
    lacks: isComplete
      ? undefined
      : new AppError("MONTH_INCOMPLETE", `${month} is not complete.`, { extra: { ...lacks } }),
  };
}

/** Days of the month that are held back by their checks and wait for a person. */
async function quarantinedDays(org: OrgIdentity, month: string, now: Date, documents: Documents): Promise<number> {
  const { body } = await documents.get<OpenQuarantines>(openQuarantinesPath(org.key));
  const open = Object.values(body?.items ?? {}).filter(({ expiresAt }) => Date.parse(expiresAt) > now.getTime());
  return open.flatMap(({ days }) => days).filter((day) => day.startsWith(month)).length;
}
