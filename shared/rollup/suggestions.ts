import type { Origin } from "#shared/hierarchy/row-mark.ts";
import { compareText, type Tree } from "#shared/hierarchy/tree.ts";
import { type Decimal, zero } from "#shared/money/amount.ts";

/** A value of rows that reached nobody which looks like an entity. */
export interface Suggestion {
  /** `tag:<key>`, `sub_account_id`, `sub_account_name` or `api_key_id`. */
  attribute: string;
  value: string;
  entityId: string;
  amount: Decimal;
}

const listedAtMost = 50;
/** Each value is compared with every entity: of more, the smallest amounts are looked up exactly only. */
const comparedAtMost = 2_000;
/** Shorter texts resemble anything. */
const shortestInexact = 5;

/**
 * Entities that the origins of unallocated cost may mean, largest amount first: the same id or name but for case and
 * separators, without the id's prefix, or with one character wrong. Origins come largest first. Nothing applies them.
 * Source: hierarchy.md 2.4.
 */
export function suggestions(origins: readonly { origin: Origin; amount: Decimal }[], tree: Tree): Suggestion[] {
  const entities = candidates(tree);
  const meant = new Map<string, string | undefined>();
  const found = new Map<string, Suggestion>();
  for (const { origin, amount } of origins) {
    for (const [attribute, value] of valuesOf(origin)) {
      if (!meant.has(value)) meant.set(value, closest(value, entities, meant.size < comparedAtMost));
      const entityId = meant.get(value);
      if (entityId === undefined) continue;
      const id = JSON.stringify([attribute, value]);
      const known = found.get(id) ?? { attribute, value, entityId, amount: zero };
      found.set(id, { ...known, amount: known.amount.plus(amount) });
    }
  }
  return [...found.values()]
    .sort(
      (a, b) =>
        b.amount.abs().cmp(a.amount.abs()) || compareText(a.attribute, b.attribute) || compareText(a.value, b.value),
    )
    .slice(0, listedAtMost);
}

function valuesOf({ subAccountId, subAccountName, apiKeyId, tags }: Origin): [attribute: string, value: string][] {
  const named: [string, string | null][] = [
    ["sub_account_id", subAccountId],
    ["sub_account_name", subAccountName],
    ["api_key_id", apiKeyId],
  ];
  return [
    ...Object.entries(tags).map(([key, value]): [string, string] => [`tag:${key}`, value]),
    ...named.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]])),
  ];
}

/** By each text that names an entity: ids before names, the id without its prefix last; the first wins. */
function candidates(tree: Tree): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const nodes = [...tree.nodes.values()].sort((a, b) => compareText(a.id, b.id));
  const add = (text: string, id: string): void => {
    const plain = plainOf(text);
    if (plain.length > 1 && !found.has(plain)) found.set(plain, id);
  };
  for (const { id } of nodes) add(id, id);
  for (const { id, name } of nodes) add(name, id);
  for (const { id } of nodes) add(id.replace(/^[A-Z0-9]+[-_]/, ""), id);
  return found;
}

function closest(value: string, entities: ReadonlyMap<string, string>, isCompared: boolean): string | undefined {
  const plain = plainOf(value);
  const same = entities.get(plain);
  if (same !== undefined || plain.length < shortestInexact || !isCompared) return same;
  for (const [text, id] of entities) if (text.length >= shortestInexact && differByOne(plain, text)) return id;
  return undefined;
}

/** Letters and digits alone, in one case. */
function plainOf(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");
}

/** One character inserted, left out or replaced. */
function differByOne(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (start < one.length && one[start] === other[start]) start += 1;
  const [restOfOne, restOfOther] = [one.slice(start), other.slice(start)];
  return (
    restOfOne.slice(1) === restOfOther.slice(1) ||
    restOfOne === restOfOther.slice(1) ||
    restOfOne.slice(1) === restOfOther
  );
}
