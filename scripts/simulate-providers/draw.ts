import { createHash } from "node:crypto";

/** Four independent 64-bit numbers that depend on nothing but the parts: the only source of variety in the simulated data. */
export function draw(...parts: (string | number)[]): [bigint, bigint, bigint, bigint] {
  const digest = createHash("sha256").update(parts.join("\u001f"), "utf8").digest();
  return [digest.readBigUInt64BE(0), digest.readBigUInt64BE(8), digest.readBigUInt64BE(16), digest.readBigUInt64BE(24)];
}

/** Maps 64 bits to an integer from `low` to `high`, both included. */
export function pick(bits: bigint, [low, high]: readonly [number, number]): bigint {
  return BigInt(low) + (bits % BigInt(high - low + 1));
}

/** The first `length` hex digits of the SHA-256 of the parts, for ids. */
export function hexId(length: number, ...parts: (string | number)[]): string {
  return createHash("sha256").update(parts.join("\u001f"), "utf8").digest("hex").slice(0, length);
}
