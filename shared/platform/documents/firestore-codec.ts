import type { DocumentData, DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import { isPlainObject, type Json, type JsonObject } from "./document-rules.ts";
import type { Snapshot } from "./documents.ts";

export type Sdk = typeof import("@google-cloud/firestore");

/**
 * A stored document: `body` (one map, so that no member can collide with the store's own fields and one index exemption
 * covers it), `version`, `createdAt` and `updatedAt` (server timestamps, millisecond precision), `expireAt` (a timestamp
 * for the TTL policy; the text stays in the body) and `commitId`, which tells a repeated commit that it had landed.
 */
export function storedFields(sdk: Sdk, body: JsonObject, version: number, commitId: string): DocumentData {
  const expireAt = body["expireAt"];
  return {
    body: encodeMap(body),
    version,
    updatedAt: sdk.FieldValue.serverTimestamp(),
    commitId,
    ...(typeof expireAt === "string" && { expireAt: sdk.Timestamp.fromDate(new Date(expireAt)) }),
  };
}

export function decodeSnapshot<T extends object>(stored: DocumentSnapshot): Snapshot<T> {
  const path = stored.ref.path;
  const readAt = stored.readTime.toDate();
  if (!stored.exists) return { path, body: undefined, version: 0, createdAt: undefined, updatedAt: undefined, readAt };
  const body: unknown = stored.get("body");
  const version: unknown = stored.get("version");
  if (!isPlainObject(body) || typeof version !== "number") throw new Error(`${path} was not written by this store`);
  return {
    path,
    // The port's promise: the body is what its writer put there under this path.
    body: decodeMap(body) as T,
    version,
    createdAt: timestampText(stored.get("createdAt")),
    updatedAt: timestampText(stored.get("updatedAt")),
    readAt,
  };
}

export function timestampText(timestamp: Timestamp): string {
  return timestamp.toDate().toISOString();
}

/** Firestore knows no array inside an array: the inner one becomes a map of this one key, which escaping never yields. */
const innerArray = "~[]";

/** Firestore reserves the empty key and `__x__`; those, and keys that look escaped, get a tilde in front. */
function escapeKey(key: string): string {
  return key === "" || key.startsWith("~") || /^__.*__$/s.test(key) ? `~${key}` : key;
}

function encodeMap(map: JsonObject): DocumentData {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [escapeKey(key), encode(value)]));
}

function encode(value: Json): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => (Array.isArray(item) ? { [innerArray]: encode(item) } : encode(item)));
  }
  return isPlainObject(value) ? encodeMap(value) : value;
}

function decodeMap(map: Record<string, unknown>): Record<string, unknown> {
  // fromEntries defines own members, so a key `__proto__` stays a key.
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key.startsWith("~") ? key.slice(1) : key, decode(value)]),
  );
}

/** A stored value of the body as the port gives it back. */
export function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (!isPlainObject(value)) return value;
  return innerArray in value ? decode(value[innerArray]) : decodeMap(value);
}
