import type { AllocationRule } from "./allocation-rule.ts";
import { type AssignmentKey, type Attribute, matchedAttributes } from "./assignment-key.ts";
import { ruleTest } from "./rule-match.ts";

/** A word that rows are marked with, wherever they go: it decides nothing. */
export interface RowMark {
  /** What the mark looks at beside day and tags. */
  attributes: readonly Attribute[];
  of(key: AssignmentKey): string;
}

export type Scope = Pick<AllocationRule, "match" | "effectiveFrom" | "effectiveTo">;

/** `true` for rows that a rule with this match and these days looks at, else `false`. */
export function scopeMark(scope: Scope): RowMark {
  const holds = ruleTest(scope);
  return { attributes: attributesOf(scope.match), of: (key) => String(holds(key)) };
}

/** The attributes that a match looks at. */
export function attributesOf(match: AllocationRule["match"]): Attribute[] {
  return Object.entries(matchedAttributes).flatMap(([list, attribute]) =>
    match[list as keyof typeof matchedAttributes] === undefined ? [] : [attribute],
  );
}

/** Where a row comes from, as coverage lists what reached nobody. */
export interface Origin {
  subAccountId: string | null;
  subAccountName: string | null;
  apiKeyId: string | null;
  tags: Record<string, string>;
}

/** Marks with the JSON text of `Origin`; tags by code point, so that equal origins are equal texts. */
export const originMark: RowMark = {
  attributes: ["subAccountId", "subAccountName", "apiKeyId"],
  of: ({ subAccountId, subAccountName, apiKeyId, tags }) => {
    const sorted = Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
    const origin: Origin = { subAccountId, subAccountName, apiKeyId, tags: sorted };
    return JSON.stringify(origin);
  },
};
