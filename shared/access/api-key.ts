import { createHash, randomInt } from "node:crypto";
import { base62, base62Checksum } from "./base62.ts";

/**
 * Organization keys: `{slug}_api_{30 base62}{6 base62 of the CRC-32 of all before it}`. Only the SHA-256 and the last
 * four characters are kept. Source: `organizations.md` 4.
 */
const randomLength = 30;
const checksumLength = 6;
const maximumLength = 128;
const shape = /^[A-Za-z0-9_]{3,50}_api_[0-9A-Za-z]{36}$/;

/** A fresh key for the organization, in its stored spelling. */
export function makeApiKey(orgSlug: string): string {
  const random = Array.from({ length: randomLength }, () => base62[randomInt(base62.length)]).join("");
  const body = `${orgSlug}_api_${random}`;
  return body + base62Checksum(body, checksumLength);
}

/** False for anything that this platform cannot have issued; needs no look-up. */
export function hasApiKeyForm(text: string): boolean {
  if (text.length > maximumLength || !shape.test(text)) return false;
  return base62Checksum(text.slice(0, -checksumLength), checksumLength) === text.slice(-checksumLength);
}

/** SHA-256 in hex: the key's document id. */
export function apiKeyHash(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

export function apiKeyFingerprint(key: string): string {
  return key.slice(-4);
}
