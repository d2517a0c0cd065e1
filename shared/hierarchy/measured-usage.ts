import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { AssignmentKey } from "./assignment-key.ts";
import { compareText } from "./tree.ts";
import type { UsageDimension, UsageOf, UsageWeight } from "./usage-share.ts";

/** One meter of one measured row of usage. */
export interface UsageLine {
  /** UTC, `YYYY-MM-DD`. */
  day: string;
  credentialId: string;
  /** The measured row: its requests count once, however many meters it has. */
  recordId: string;
  subAccountId: string | null;
  model: string | null;
  serviceTier: string | null;
  /** Part of the token vector, or the meter of something else. */
  meter: string | null;
  apiKeyId: string | null;
  userId: string | null;
  /** List cost; null without a price. */
  cost: Decimal | null;
  currency: string | null;
  tokens: number;
  requests: number;
}

const trailingDays = 30;
const dayMilliseconds = 86_400_000;

/** What of a row and of usage is compared, where both carry it. */
const narrowing = ["subAccountId", "model", "serviceTier", "meter"] as const satisfies (keyof UsageLine &
  keyof AssignmentKey)[];

const namedBy: Readonly<Record<UsageDimension, (line: UsageLine) => string | null>> = {
  api_key_id: ({ apiKeyId }) => apiKeyId,
  user_id: ({ userId }) => userId,
  sub_account_id: ({ subAccountId }) => subAccountId,
  model_id: ({ model }) => model,
  // Measured usage has no tags: all of it names no value.
  tag: () => null,
};

/**
 * Usage as rules ask for it: that of a row's credential and day, or of the 30 days before, joined on the finest grain that
 * both sides carry. Pure; the same lines in any order answer the same. Source: hierarchy.md 2.3.
 */
export function measuredUsage(lines: readonly UsageLine[]): UsageOf {
  const byDay = new Map<string, UsageLine[]>();
  for (const line of lines) {
    const id = `${line.credentialId} ${line.day}`;
    const known = byDay.get(id);
    if (known === undefined) byDay.set(id, [line]);
    else known.push(line);
  }
  const weighed = new Map<string, readonly UsageWeight[]>();
  return (key, { dimension, days }) => {
    const { credentialId, day } = key;
    if (credentialId === null) return [];
    const id = JSON.stringify([credentialId, day, days, dimension, narrowing.map((name) => key[name])]);
    const known = weighed.get(id);
    if (known !== undefined) return known;
    const asked = days === "day" ? [day] : daysBefore(day);
    const found = asked.flatMap((each) => byDay.get(`${credentialId} ${each}`) ?? []);
    const weights = weightsOf(narrowed(found, key), namedBy[dimension]);
    weighed.set(id, weights);
    return weights;
  };
}

/** The 30 days before a UTC day, first to last. */
export function daysBefore(day: string): string[] {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Array.from({ length: trailingDays }, (_, back) =>
    new Date(at - (trailingDays - back) * dayMilliseconds).toISOString().slice(0, 10),
  );
}

function narrowed(lines: readonly UsageLine[], key: AssignmentKey): readonly UsageLine[] {
  const carried = narrowing.filter((name) => key[name] !== null && lines.some((line) => line[name] !== null));
  return lines.filter((line) => carried.every((name) => line[name] === key[name]));
}

function weightsOf(lines: readonly UsageLine[], valueIn: (line: UsageLine) => string | null): UsageWeight[] {
  const currencies = new Set(lines.flatMap(({ cost, currency }) => (cost === null ? [] : [currency])));
  const isComparable = currencies.size <= 1;
  const sums = new Map<string | null, { cost: Decimal | null; tokens: number; requests: Map<string, number> }>();
  for (const line of lines) {
    const value = valueIn(line);
    const sum = sums.get(value) ?? { cost: isComparable ? zero : null, tokens: 0, requests: new Map() };
    sum.cost = sum.cost === null || line.cost === null ? null : sum.cost.plus(line.cost);
    sum.tokens += line.tokens;
    sum.requests.set(line.recordId, line.requests);
    sums.set(value, sum);
  }
  const weights = [...sums].map(([value, { cost, tokens, requests }]): UsageWeight => {
    const count = [...requests.values()].reduce((all, each) => all + each, 0);
    return { value, cost, tokens: parseAmount(String(tokens)), requests: parseAmount(String(count)) };
  });
  return weights.sort((a, b) => compareText(a.value ?? "", b.value ?? ""));
}
