import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "./change.ts";
import { AppError } from "./errors.ts";

/**
 * Idempotency keys (`organizations.md` 10). The stored fingerprint and a stored answer that holds a secret are keyed
 * with what the caller presented, which the platform does not keep: what is stored gives nothing away.
 */
export interface IdempotencyRecord {
  state: "running" | "done";
  leaseUntil: string;
  /** Tells one holder of the record from the next after a lease ran out. */
  holder: string;
  fingerprint: string;
  status: number | null;
  headers: Record<string, string> | null;
  body: unknown;
  sealedBody: string | null;
  doneAt: string | null;
  expireAt: string;
}

export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** One use of a key by one request. */
export interface KeyUse {
  functionName: string;
  path: string;
  fingerprint: string;
  holder: string;
  /** Derives the keys of fingerprint and sealed answer; never stored. */
  secret: string;
  sealAnswer: boolean;
}

const leaseMilliseconds = 120_000;
const keptMilliseconds = 24 * 3_600_000;
const maximumStoredBytes = 65_536;

/** Parses the header's value, or throws 422. */
export function idempotencyKey(header: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(header)) {
    throw new AppError("IDEMPOTENCY_KEY_INVALID", "Idempotency-Key must be 1 to 255 printable ASCII characters.");
  }
  return header;
}

/** Names one use: the record's place and the fingerprint of what is asked. */
export async function keyUse(use: {
  functionName: string;
  credentialId: string;
  secret: string;
  method: string;
  path: string;
  key: string;
  query: string;
  /** The body's text as it was read. */
  body: string;
  holder: string;
  sealAnswer: boolean;
}): Promise<KeyUse> {
  const parts = [use.credentialId, use.method, use.path, use.key];
  const id = createHash("sha256").update(JSON.stringify(parts), "utf8").digest("hex");
  const fingerprint = createHmac("sha256", derived(use.secret, "fingerprint"))
    .update(JSON.stringify([use.query, await canonicalJson(use.body)]), "utf8")
    .digest("hex");
  const { functionName, holder, secret, sealAnswer } = use;
  return { functionName, path: `idempotency/${id}`, fingerprint, holder, secret, sealAnswer };
}

/** Takes the record, or answers what was stored for the same request. 409 while another one is running, 422 for another body. */
export function beginUse(use: KeyUse, documents: Documents): Promise<StoredAnswer | undefined> {
  return documents.transaction(async (tx) => {
    const { body: record, readAt } = await tx.get<IdempotencyRecord>(use.path);
    if (record !== undefined && Date.parse(record.expireAt) > readAt.getTime()) {
      if (record.state === "done") return replay(record, use);
      if (Date.parse(record.leaseUntil) > readAt.getTime()) throw inProgress();
    }
    tx.set<IdempotencyRecord>(use.path, {
      state: "running",
      leaseUntil: after(readAt, leaseMilliseconds),
      holder: use.holder,
      fingerprint: use.fingerprint,
      status: null,
      headers: null,
      body: null,
      sealedBody: null,
      doneAt: null,
      expireAt: after(readAt, keptMilliseconds),
    });
    return undefined;
  });
}

/** Reads the record inside the concluding transaction; throws when another holder has taken it over. */
export async function holdUse(use: KeyUse, tx: Transaction): Promise<Date> {
  const { body, readAt } = await tx.get<IdempotencyRecord>(use.path);
  if (body?.holder !== use.holder || body.state !== "running") throw inProgress();
  return readAt;
}

/** Writes the answer into the concluding transaction. What is no success, or above 64 KiB, is not stored: the key is freed. */
export function concludeUse(
  use: KeyUse,
  answer: StoredAnswer,
  at: { heldAt: Date; orgSlug: string | undefined },
  change: Change,
): void {
  const { heldAt } = at;
  const text = JSON.stringify(answer.body);
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (!isSuccess || Buffer.byteLength(text) > maximumStoredBytes) {
    change.delete(use.path);
    return;
  }
  const record: IdempotencyRecord = {
    state: "done",
    leaseUntil: heldAt.toISOString(),
    holder: use.holder,
    fingerprint: use.fingerprint,
    status: answer.status,
    headers: answer.headers,
    body: use.sealAnswer ? null : answer.body,
    sealedBody: use.sealAnswer ? sealText(text, use) : null,
    doneAt: heldAt.toISOString(),
    expireAt: after(heldAt, keptMilliseconds),
  };
  change.set<IdempotencyRecord>(use.path, record);
  change.history({
    table: "org_idempotency_keys",
    operation: "CREATE",
    version: 1,
    row: {
      idempotency_key: use.path.slice(use.path.indexOf("/") + 1),
      org_slug: at.orgSlug ?? "_platform",
      function: use.functionName,
      request_fingerprint: use.fingerprint,
      response_status: answer.status,
      created_at: heldAt.toISOString(),
      expires_at: record.expireAt,
    },
  });
}

/** Frees the key after a failure, so that the next try runs. */
export function abandonUse(use: KeyUse, documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    const { body } = await tx.get<IdempotencyRecord>(use.path);
    if (body?.holder === use.holder && body.state === "running") tx.delete(use.path);
  });
}

function replay(record: IdempotencyRecord, use: KeyUse): StoredAnswer {
  if (record.fingerprint !== use.fingerprint) {
    throw new AppError(
      "IDEMPOTENCY_KEY_REUSED",
      "This Idempotency-Key was used with another body; use a new key for a new request.",
    );
  }
  const body: unknown = record.sealedBody === null ? record.body : JSON.parse(openText(record.sealedBody, use));
  return { status: record.status ?? 200, headers: record.headers ?? {}, body };
}

function inProgress(): AppError {
  return new AppError("IDEMPOTENCY_IN_PROGRESS", "The first request with this Idempotency-Key is still running.", {
    retryAfterSeconds: 1,
  });
}

function after(start: Date, milliseconds: number): string {
  return new Date(start.getTime() + milliseconds).toISOString();
}

function derived(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "cost-atlas", `idempotency-${purpose}`, 32));
}

function sealText(text: string, use: KeyUse): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", derived(use.secret, "answer"), nonce).setAAD(Buffer.from(use.path));
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

function openText(sealed: string, use: KeyUse): string {
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", derived(use.secret, "answer"), bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(use.path)).setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
}

/** Keys sorted, number literals kept. Only called for bodies that `JSON.parse` has read: of a name given twice the last counts. */
async function canonicalJson(body: string): Promise<string> {
  if (body.trim() === "") return "";
  const { parse, stringify } = await import("lossless-json");
  return stringify(sorted(parse(body, undefined, { onDuplicateKey: ({ newValue }) => newValue }))) ?? "";
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, sorted(item)]),
  );
}
