import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Organization keys: `{slug}_api_{30 base62}{6 base62 of the CRC-32 of all before it}`. Only the SHA-256 and the last
 * four characters are kept. Source: `organizations.md` 4.
 */
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomLength = 30;
const checksumLength = 6;
const maximumLength = 128;
const shape = /^[A-Za-z0-9_]{3,50}_api_[0-9A-Za-z]{36}$/;

/** A fresh key for the organization, in its stored spelling. */
export function makeApiKey(orgSlug: string): string {
  const random = Array.from({ length: randomLength }, () => alphabet[randomInt(alphabet.length)]).join("");
  const body = `${orgSlug}_api_${random}`;
  return body + checksumOf(body);
}

/** False for anything that this platform cannot have issued; needs no look-up. */
export function hasApiKeyForm(text: string): boolean {
  if (text.length > maximumLength || !shape.test(text)) return false;
  return checksumOf(text.slice(0, -checksumLength)) === text.slice(-checksumLength);
}

/** SHA-256 in hex: the key's document id. */
export function apiKeyHash(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

export function apiKeyFingerprint(key: string): string {
  return key.slice(-4);
}

function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = "";
  while (rest > 0) {
    text = alphabet[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text.padStart(checksumLength, "0");
}
