import { createHash } from "node:crypto";

const maximumLength = 254;
// Control characters, lone surrogates and the marks that reverse the direction of the text around them.
const unprintable = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;

/** The address as it is shown: trimmed, else as typed. Undefined for what is none. Source: `organizations.md` 1. */
export function emailAddress(text: string): string | undefined {
  const address = text.trim();
  const isAddress = address.length <= maximumLength && /^[^@\s]+@[^@\s]+$/.test(address) && !unprintable.test(address);
  return isAddress ? address : undefined;
}

/** What addresses are compared by: two that differ in case only are one. */
export function comparableEmail(address: string): string {
  return address.trim().toLowerCase();
}

/** Document `emails/{sha256}`: whose address it is; made with `create`, so an address has one person. */
export interface EmailDocument {
  userId: string;
}

export function emailPath(address: string): string {
  return `emails/${createHash("sha256").update(comparableEmail(address), "utf8").digest("hex")}`;
}

/** Enough to recognise one's own address, too little to learn another's: `a***@example.com`. */
export function maskedEmail(address: string): string {
  const at = address.indexOf("@");
  return `${[...address.slice(0, at)][0] ?? ""}***${address.slice(at)}`;
}
