import { amountText, type Decimal, parseAmount } from "#shared/money/amount.ts";

/** What one API key used of a charge. */
export interface KeyShare {
  /** Null: use without a key, as in the Console. */
  keyId: string | null;
  /** An integer > 0. */
  tokens: number;
}

/**
 * Divides a stored amount over keys by their tokens, in the order of `shares`: each part is cut off after 12 places, and
 * what is left goes to the largest share (of equal ones: the smaller key id). The parts add up to the amount exactly.
 * A negative amount is divided as its opposite. Source: `provider-adapters.md` 3.2.
 */
export function splitByTokens(amount: Decimal, shares: readonly KeyShare[]): Decimal[] {
  // Integers of 10^-12: the division then is exact whatever the digits.
  const units = BigInt(amountText(amount.times("1e12")));
  const total = shares.reduce((sum, { tokens }) => sum + BigInt(tokens), 0n);
  const parts = shares.map(({ tokens }) => (units * BigInt(tokens)) / total);
  const rest = units - parts.reduce((sum, part) => sum + part, 0n);
  const largest = shares.indexOf([...shares].sort(largestFirst)[0] as KeyShare);
  return parts.map((part, index) => parseAmount(`${index === largest ? part + rest : part}e-12`));
}

function largestFirst(a: KeyShare, b: KeyShare): number {
  if (a.tokens !== b.tokens) return b.tokens - a.tokens;
  // No key is the last of equal ones.
  if (a.keyId === null || b.keyId === null) return a.keyId === null ? 1 : -1;
  return a.keyId < b.keyId ? -1 : 1;
}
