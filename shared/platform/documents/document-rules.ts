import { AppError } from "#shared/runtime/errors.ts";

/** What a document's body is made of once `storableBody` has passed it. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json };

/** Port limits; Firestore's own stand in its quotas: 1 MiB per document, 6 KiB per name, 20 levels, 1,500 bytes per key. */
const maximumBodyBytes = 900 * 1024;
const maximumPathBytes = 1_500;
const maximumKeyBytes = 1_400;
const maximumLevels = 18;

const loneSurrogate = /\p{Surrogate}/u;
const rfc3339Utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** Throws `DOCUMENT_PATH_INVALID` unless the path names a document: collection and id in turn. */
export function assertDocumentPath(path: string): void {
  assertPath(path, 0, "document");
}

/** Throws `DOCUMENT_PATH_INVALID` unless the path names a collection. */
export function assertCollectionPath(path: string): void {
  assertPath(path, 1, "collection");
}

function assertPath(path: string, remainder: 0 | 1, kind: string): void {
  const segments = path.split("/");
  const isWrong = segments.length % 2 !== remainder || segments.some(isForbiddenSegment);
  // The path itself stays out of the message: it may hold what a stranger sent.
  if (isWrong) throw new AppError("DOCUMENT_PATH_INVALID", `Not the path of a ${kind}.`);
  if (Buffer.byteLength(path) > maximumPathBytes) {
    throw new AppError("DOCUMENT_PATH_INVALID", `The path of a ${kind} has more than ${maximumPathBytes} bytes.`);
  }
}

function isForbiddenSegment(segment: string): boolean {
  if (segment === "" || segment === "." || segment === "..") return true;
  return /^__.*__$/s.test(segment) || segment.includes("\0") || loneSurrogate.test(segment);
}

/** The collection a document path lies in. */
export function collectionOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * An independent copy of the body as both stores can keep it, undefined members dropped. Throws `DOCUMENT_INVALID` for
 * what is not plain JSON (dates, NaN, bigint, class instances, lone surrogates) and for an `expireAt` that is no RFC 3339
 * instant in UTC, `DOCUMENT_TOO_LARGE` above 900 KiB, measured as JSON text or by Firestore's own count, whichever is more.
 */
export function storableBody(path: string, body: object): JsonObject {
  const measure = { bytes: 0 };
  const copy = storable(body, { path, measure }, 1);
  if (!isPlainObject(copy)) throw new AppError("DOCUMENT_INVALID", `${path}: the body must be a plain object.`);
  const bytes = Math.max(measure.bytes, Buffer.byteLength(JSON.stringify(copy)));
  if (bytes > maximumBodyBytes) {
    throw new AppError("DOCUMENT_TOO_LARGE", `${path}: ${bytes} bytes, the limit is ${maximumBodyBytes}.`);
  }
  const expireAt = copy["expireAt"] ?? undefined;
  if (expireAt !== undefined && !(typeof expireAt === "string" && isInstant(expireAt))) {
    throw new AppError("DOCUMENT_INVALID", `${path}: expireAt must be an RFC 3339 instant in UTC.`);
  }
  return copy;
}

function isInstant(text: string): boolean {
  return rfc3339Utc.test(text) && !Number.isNaN(Date.parse(text));
}

interface Walk {
  path: string;
  measure: { bytes: number };
}

/** Counts as Firestore does: text by its bytes + 1, a number 8, a boolean or null 1, a map its keys and values. */
function storable(value: unknown, walk: Walk, level: number): Json {
  if (level > maximumLevels)
    throw new AppError("DOCUMENT_INVALID", `${walk.path}: deeper than ${maximumLevels} levels.`);
  if (typeof value === "string") return storableText(value, walk);
  if (value === null || typeof value === "boolean") {
    walk.measure.bytes += 1;
    return value;
  }
  if (typeof value === "number" && Number.isFinite(value)) {
    walk.measure.bytes += 8;
    // JSON has no minus zero, Firestore has.
    return value === 0 ? 0 : value;
  }
  // An array inside an array costs Firestore a map around it (see firestore-codec.ts), hence two levels.
  if (Array.isArray(value)) return value.map((item) => storable(item, walk, level + (Array.isArray(item) ? 2 : 1)));
  if (isPlainObject(value)) return storableMap(value, walk, level);
  throw new AppError("DOCUMENT_INVALID", `${walk.path}: holds a value that is not JSON (${typeof value}).`);
}

function storableMap(map: Record<string, unknown>, walk: Walk, level: number): JsonObject {
  const members = Object.entries(map).filter(([, value]) => value !== undefined);
  // fromEntries defines own members, so a key `__proto__` stays a key.
  return Object.fromEntries(
    members.map(([key, value]) => {
      if (Buffer.byteLength(storableText(key, walk)) > maximumKeyBytes) {
        throw new AppError("DOCUMENT_INVALID", `${walk.path}: a key has more than ${maximumKeyBytes} bytes.`);
      }
      return [key, storable(value, walk, level + 1)];
    }),
  );
}

function storableText(text: string, walk: Walk): string {
  if (loneSurrogate.test(text)) throw new AppError("DOCUMENT_INVALID", `${walk.path}: holds text that is not Unicode.`);
  walk.measure.bytes += Buffer.byteLength(text) + 1;
  return text;
}
