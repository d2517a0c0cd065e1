import type { AllocationRule, RuleAction } from "./allocation-rule.ts";
import {
  type AllocationJournal,
  type AllocationState,
  allocationJournalCollection,
  allocationStatePath,
  defaultSettings,
  listedRules,
  rulePath,
} from "./allocation-store.ts";
import type { ReferenceKind } from "./references.ts";
import { percentWeight } from "./rule-action.ts";
import { compareText } from "./tree.ts";

/** Allocation rules name entities as targets, in maps and as what shared cost is spread over. */
export const ruleReferences: ReferenceKind = {
  kind: "allocation_rule",
  read: async (org, tx) => {
    const state = await tx.get<AllocationState>(allocationStatePath(org));
    const stored = await listedRules(org, tx);
    const references = stored.flatMap(({ body }) =>
      [...entitiesOf(body.action)].map((entityId) => ({
        kind: "allocation_rule" as const,
        id: body.ruleId,
        name: body.name,
        entityId,
      })),
    );
    return {
      references,
      move: (ids, to, change) => {
        const named = stored.filter(({ body }) => [...entitiesOf(body.action)].some((id) => ids.has(id)));
        if (to === null || named.length === 0) return;
        const rename = (id: string): string => (ids.has(id) ? to : id);
        const [at, number] = [change.now.toISOString(), state.version + 1];
        const after = named.map(({ body }): AllocationRule => {
          const action = renamedAction(body.action, rename);
          return { ...body, action, version: body.version + 1, updatedAt: at, updatedBy: "reassignment" };
        });
        for (const rule of after) change.set<AllocationRule>(rulePath(org, rule.ruleId), rule);
        const settings = state.body?.settings ?? defaultSettings;
        change.set<AllocationState>(allocationStatePath(org), { settings, ruleCount: stored.length });
        change.create<AllocationJournal>(`${allocationJournalCollection(org)}/${number}`, {
          number,
          at,
          by: "reassignment",
          operation: "allocation_rules.reassigned",
          ruleIds: after.map(({ ruleId }) => ruleId),
          before: named.map(({ body }) => body),
          after,
        });
      },
    };
  },
};

/** Every entity that an action names. */
export function entitiesOf(action: RuleAction): Set<string> {
  const maps = [...(action.map ?? []), ...(action.entity_from?.map ?? [])];
  const targets = (action.targets ?? []).map(({ entity_id }) => entity_id);
  const own = action.entity_id === undefined ? [] : [action.entity_id];
  return new Set([...own, ...targets, ...(action.over ?? []), ...maps.map(({ entity_id }) => entity_id)]);
}

/** The action with other ids; targets that become one are added up. */
function renamedAction(action: RuleAction, rename: (id: string) => string): RuleAction {
  const inMap = <T extends { entity_id: string }>(entry: T): T => ({ ...entry, entity_id: rename(entry.entity_id) });
  const { entity_id: id, entity_from: from, targets, map, over } = action;
  return {
    ...action,
    ...(id === undefined ? {} : { entity_id: rename(id) }),
    ...(from?.map === undefined ? {} : { entity_from: { ...from, map: from.map.map(inMap) } }),
    ...(map === undefined ? {} : { map: map.map(inMap) }),
    ...(over === undefined ? {} : { over: [...new Set(over.map(rename))] }),
    ...(targets === undefined ? {} : { targets: addedUp(targets.map(inMap)) }),
  };
}

type Targets = NonNullable<RuleAction["targets"]>;

function addedUp(targets: Targets): Targets {
  const weights = new Map<string, bigint>();
  for (const { entity_id: id, percent } of targets) weights.set(id, (weights.get(id) ?? 0n) + percentWeight(percent));
  return [...weights]
    .sort(([a], [b]) => compareText(a, b))
    .map(([entity_id, weight]) => ({ entity_id, percent: percentText(weight) }));
}

function percentText(weight: bigint): string {
  const digits = String(weight).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, "");
}
