import type { AllocationRule, MapEntry, RuleMatch, TagCondition } from "./allocation-rule.ts";
import { type AssignmentKey, type Attribute, matchedAttributes } from "./assignment-key.ts";
import { globMatcher, isGlob, literalPrefix } from "./glob.ts";
import { entityIdOf } from "./tree.ts";

export type KeyTest = (key: AssignmentKey) => boolean;

/**
 * Whether a rule looks at a row: all conditions hold, and the charge day lies within the rule's days, both ends included.
 * Values are exact or globs, on NFC text; a null column matches only `absent`. Source: hierarchy.md 2.2.
 */
export function ruleTest(rule: Pick<AllocationRule, "match" | "effectiveFrom" | "effectiveTo">): KeyTest {
  const tests = [...listTests(rule.match), ...(rule.match.tags ?? []).map(tagTest)];
  const { effectiveFrom: from, effectiveTo: to } = rule;
  return (key) =>
    (from === null || key.day >= from) && (to === null || key.day <= to) && tests.every((test) => test(key));
}

function listTests(match: RuleMatch): KeyTest[] {
  return Object.entries(matchedAttributes).flatMap(([name, attribute]): KeyTest[] => {
    const values = match[name as keyof typeof matchedAttributes];
    if (values === undefined) return [];
    const isAny = anyOf(values);
    return [(key) => holds(key, attribute, isAny)];
  });
}

function holds(key: AssignmentKey, attribute: Attribute, isAny: (text: string) => boolean): boolean {
  const value = key[attribute];
  return value !== null && isAny(value);
}

/** Texts repeat from row to row: each is looked at once. */
function anyOf(patterns: readonly string[], ignoreCase = false): (text: string) => boolean {
  const folded = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const composed = patterns.map((pattern) => folded(pattern.normalize("NFC")));
  const exact = new Set(composed.filter((pattern) => !isGlob(pattern)));
  const globs = composed.filter(isGlob).map(globMatcher);
  if (globs.length === 0) return (text) => exact.has(folded(text));
  return remembered((text) => exact.has(folded(text)) || globs.some((glob) => glob(folded(text))));
}

const rememberedTexts = 10_000;

function remembered<T>(look: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined || known.has(text)) return before as T;
    const answer = look(text);
    if (known.size < rememberedTexts) known.set(text, answer);
    return answer;
  };
}

function tagTest({ key: name, op, values = [], ignore_case: ignoreCase }: TagCondition): KeyTest {
  const tag = name.normalize("NFC");
  const valueIn = (key: AssignmentKey): string | undefined =>
    Object.hasOwn(key.tags, tag) ? key.tags[tag] : undefined;
  if (op === "exists") return (key) => valueIn(key) !== undefined;
  if (op === "absent") return (key) => valueIn(key) === undefined;
  const isAny = op === "glob" ? anyOf(values, ignoreCase) : equalsAny(values, ignoreCase);
  return (key) => {
    const value = valueIn(key);
    return value !== undefined && isAny(value);
  };
}

/** A star in a value of `eq` and `in` is a star. */
function equalsAny(values: readonly string[], ignoreCase: boolean): (text: string) => boolean {
  const folded = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const known = new Set(values.map((value) => folded(value.normalize("NFC"))));
  return (text) => known.has(folded(text));
}

/** The entity that a map names for a value: exact before glob, of globs the longest literal prefix, ties the first. */
export function mapLookup(map: readonly MapEntry[]): (value: string) => string | undefined {
  const exact = new Map<string, string>();
  const globs: { test: (text: string) => boolean; prefix: number; entityId: string }[] = [];
  for (const { value, entity_id } of map) {
    const [text, entityId] = [value.normalize("NFC"), entityIdOf(entity_id) ?? entity_id];
    if (isGlob(text)) globs.push({ test: globMatcher(text), prefix: literalPrefix(text), entityId });
    else if (!exact.has(text)) exact.set(text, entityId);
  }
  globs.sort((a, b) => b.prefix - a.prefix);
  return remembered((value) => exact.get(value) ?? globs.find(({ test }) => test(value))?.entityId);
}
