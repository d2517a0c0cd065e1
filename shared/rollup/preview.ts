import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, type CostRead, openRead } from "#shared/costs/read-summary.ts";
import { type AllocationState, withRules } from "#shared/entity-references/allocation-input.ts";
import { newRule, writtenRule } from "#shared/hierarchy/allocation-changes.ts";
import { type AllocationRule, inRuleOrder, RuleRequest, RuleUpdate } from "#shared/hierarchy/allocation-rule.ts";
import { compareText, unallocated } from "#shared/hierarchy/tree.ts";
import { type Decimal, moneyText, sumAmounts, zero } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { type EntityGroup, entityGroups, ownCosts } from "./entity-sums.ts";
import { rangeTooLong, shownBy } from "./rollup.ts";

const maxDays = 400;
const ruleId = Type.Optional(Type.String({ maxLength: 40 }));

export const PreviewRequest = strictObject({
  rules: Type.Optional(
    Type.Array(strictObject({ ...RuleRequest.properties, rule_id: ruleId }), {
      maxItems: 500,
      description: "The whole list as it would be",
    }),
  ),
  upsert: Type.Optional(
    Type.Array(strictObject({ ...RuleUpdate.properties, rule_id: ruleId }), {
      maxItems: 500,
      description: "Rules to add, or with a rule_id to change",
    }),
  ),
  remove: Type.Optional(Type.Array(Type.String({ maxLength: 40 }), { maxItems: 500 })),
  start_date: Type.String(),
  end_date: Type.String(),
});
export type PreviewRequest = Static<typeof PreviewRequest>;

const Money = Type.String();
const ByReason = Type.Record(Type.String(), Money);

export const Preview = strictObject({
  currency: Type.String(),
  total: Money,
  by_entity: Type.Array(strictObject({ entity_id: Type.String(), before: Money, after: Money, difference: Money })),
  unallocated: strictObject({
    before: Money,
    after: Money,
    by_reason: strictObject({ before: ByReason, after: ByReason }),
  }),
  moved_total: Money,
  rows_touched: Type.Integer({ description: "Rows that count at other entities than before, at least" }),
});
export type Preview = Static<typeof Preview>;

/**
 * What other rules would make of published cost: the same read twice, under the rules as they are and as asked. Writes
 * nothing; the total is the same. Errors: those of the costs room's reads, `INVALID_BODY`, `HIERARCHY_ENTITY_UNKNOWN`,
 * `ALLOCATION_RULE_NOT_FOUND`.
 */
export async function previewAllocation(
  { org, request }: { org: OrgIdentity; request: PreviewRequest },
  ports: CostPorts & Pick<Surroundings, "ids">,
): Promise<Preview> {
  const facts = await platformFacts();
  const { start_date, end_date } = request;
  const read = await openRead({ org, query: { start_date, end_date }, byEntity: true }, ports, facts);
  if (read.range.days > maxDays) throw rangeTooLong();
  if (read.allocation === undefined) throw new Error("a preview without allocation");
  const asked = withRules(read.allocation, askedRules(request, read.allocation, ports));
  const [before, after] = [await entityGroups(read, ports), await entityGroups({ ...read, allocation: asked }, ports)];
  const digits = minorDigits(facts.minorDigits, read.conversion.currency);
  return compared(read, { before, after }, (amount) => moneyText(amount, digits));
}

function askedRules(
  request: PreviewRequest,
  { input, metrics }: AllocationState,
  { ids, clock }: Pick<Surroundings, "ids" | "clock">,
): AllocationRule[] {
  if ((request.rules === undefined) === (request.upsert === undefined && request.remove === undefined))
    throw new AppError("INVALID_BODY", "Give rules, or upsert and remove.", {
      fields: [{ path: "/rules", problem: "must stand alone; else upsert and remove" }],
    });
  const [now, by] = [clock.now().toISOString(), "preview"];
  const listed = new Map((request.rules === undefined ? input.rules : []).map((rule) => [rule.ruleId, rule]));
  for (const id of request.remove ?? []) if (!listed.delete(id)) throw notFound();
  for (const { rule_id: id, ...rule } of request.rules ?? request.upsert ?? []) {
    const known = id === undefined ? undefined : input.rules.find((each) => each.ruleId === id);
    if (id !== undefined && known === undefined) throw notFound();
    const stored = [...listed.values()].map((body) => ({ body }));
    const draft = { now, by, tree: input.tree, metrics, newId: () => ids.newId("alc"), stored };
    const next = known === undefined ? newRule(complete(rule), draft) : writtenRule(known, rule, draft);
    listed.set(next.ruleId, next);
  }
  return [...listed.values()].sort(inRuleOrder);
}

function complete({ name, action, expected_version: _version, ...rest }: RuleUpdate): RuleRequest {
  if (name !== undefined && action !== undefined) return { ...rest, name, action };
  throw new AppError("INVALID_BODY", "A rule that is added needs name and action.", {
    fields: [{ path: "/upsert", problem: "needs name and action, or the rule_id of a rule" }],
  });
}

function notFound(): AppError {
  return new AppError("ALLOCATION_RULE_NOT_FOUND", "There is no such allocation rule.");
}

function compared(
  { conversion }: CostRead,
  groups: { before: readonly EntityGroup[]; after: readonly EntityGroup[] },
  money: (amount: Decimal) => string,
): Preview {
  const basis = "effective" as const;
  const [before, after] = [ownCosts(groups.before, basis), ownCosts(groups.after, basis)];
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort(compareText);
  const differences = ids.map((id) => (after.get(id) ?? zero).minus(before.get(id) ?? zero));
  const gained = differences.filter((amount) => amount.isPositive());
  const nobodys = (list: readonly EntityGroup[]) => list.filter(({ key }) => key.entity === unallocated);
  const reasons = (list: readonly EntityGroup[]) => shownBy(nobodys(list), "reason", { basis, money });
  return {
    currency: conversion.currency,
    total: money(sumAmounts(after.values())),
    by_entity: ids.map((id, at) => ({
      entity_id: id,
      before: money(before.get(id) ?? zero),
      after: money(after.get(id) ?? zero),
      difference: money(differences[at] ?? zero),
    })),
    unallocated: {
      before: money(before.get(unallocated) ?? zero),
      after: money(after.get(unallocated) ?? zero),
      by_reason: { before: reasons(groups.before), after: reasons(groups.after) },
    },
    moved_total: money(sumAmounts(gained)),
    rows_touched: rowsTouched(groups),
  };
}

function rowsTouched(groups: { before: readonly EntityGroup[]; after: readonly EntityGroup[] }): number {
  const counts = new Map<string, number>();
  const count = (list: readonly EntityGroup[], sign: number): void => {
    for (const { key, sums } of list) counts.set(key.entity, (counts.get(key.entity) ?? 0) + sign * sums.rows);
  };
  count(groups.before, -1);
  count(groups.after, 1);
  return [...counts.values()].reduce((sum, rows) => sum + Math.max(0, rows), 0);
}
