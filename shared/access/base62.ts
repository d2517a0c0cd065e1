import { crc32 } from "node:zlib";

/** The digits of keys and tokens, in the order of their values. */
export const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The CRC-32 of the text in base 62, padded with zeros: tells a mistyped secret without a look-up. */
export function base62Checksum(text: string, length: number): string {
  let rest = crc32(text);
  let digits = "";
  while (rest > 0) {
    digits = base62[rest % base62.length] + digits;
    rest = Math.floor(rest / base62.length);
  }
  return digits.padStart(length, "0");
}
