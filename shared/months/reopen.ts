import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { reopenedMonth } from "#shared/ledger/closing.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { placeOf, refuseOtherVersion } from "./close.ts";
import { type MonthState, monthNamed, monthState } from "./month-state.ts";

export const ReopenRequest = strictObject({
  reason: plainText(3, 500),
  expected_version: Type.Optional(Type.Integer({ minimum: 0 })),
});
type ReopenRequest = Static<typeof ReopenRequest>;

/**
 * Reopens a closed month: what was held for it becomes current, its automatic adjustments are withdrawn, people's stay.
 * Errors: `MONTH_NOT_CLOSED`, `VERSION_CONFLICT`, `ADJUSTMENT_IN_CLOSED_MONTH`. Source: `costs.md` 6.
 */
export function reopenCosts(
  asked: { org: OrgIdentity; month: string; body: ReopenRequest },
  effects: Effects<MonthState>,
): Promise<MonthState> {
  const month = monthNamed(asked.month);
  return effects.commit(async (change) => {
    const organization = existingOrg((await change.get<OrgDocument>(orgPath(asked.org.key))).body);
    const { head, write } = await reopenedMonth(placeOf(asked.org, organization, month), change);
    refuseOtherVersion(head, asked.body.expected_version);
    await effects.prepare(change);
    const answer = monthState(month, write(), change.now.toISOString().slice(0, 10));
    const details = { reason: asked.body.reason, version: answer.version, closed_at: head.closing?.at ?? null };
    effects.conclude(change, answer, { resourceId: month, details });
    return answer;
  });
}
