import { createHash, randomInt } from "node:crypto";
import { base62, base62Checksum } from "#shared/access/base62.ts";
import type { Snapshot, Transaction } from "#shared/platform/documents/documents.ts";

/**
 * One-time tokens: `{kind}_{43 random base62}{6 base62 of the CRC-32 of all before it}`, stored as SHA-256, used once.
 * They travel in URL fragments and bodies, never in a path or query. Source: `organizations.md` 8.
 */
export const oneTimeTokenKinds = ["signin", "invite", "erase", "confirm"] as const;
export type OneTimeTokenKind = (typeof oneTimeTokenKinds)[number];

/** Document `oneTimeTokens/{sha256}`. */
export interface OneTimeTokenDocument {
  kind: OneTimeTokenKind;
  /** What the token is about, as its kind says: an address, an invite, a person. */
  subject: string;
  /** Key of the organization, where there is one. */
  org: string | null;
  /** The address it was mailed to, as typed, where using it verifies that address. */
  email: string | null;
  /** RFC 3339, UTC. */
  expiresAt: string;
  usedAt: string | null;
  expireAt: string;
}

export interface OneTimeToken {
  /** Goes to the person and is not kept. */
  token: string;
  /** SHA-256 in hex: the document's id. */
  hash: string;
}

/** A token that was found unused and in time, by the transaction that may spend it. */
export interface LiveToken {
  hash: string;
  document: OneTimeTokenDocument;
}

const randomLength = 43;
const checksumLength = 6;
const keptAfterExpiryMilliseconds = 86_400_000;
const shape = /^([a-z]{5,10})_[0-9A-Za-z]{49}$/;

export function newOneTimeToken(kind: OneTimeTokenKind): OneTimeToken {
  const random = Array.from({ length: randomLength }, () => base62[randomInt(base62.length)]).join("");
  const body = `${kind}_${random}`;
  const token = body + base62Checksum(body, checksumLength);
  return { token, hash: hashOf(token) };
}

export function oneTimeTokenPath(hash: string): string {
  return `oneTimeTokens/${hash}`;
}

/** SHA-256 of a token of this kind; undefined, without any look-up, for what this platform cannot have issued. */
export function oneTimeTokenHash(token: string, kind: OneTimeTokenKind): string | undefined {
  if (shape.exec(token)?.[1] !== kind) return undefined;
  const body = token.slice(0, -checksumLength);
  return base62Checksum(body, checksumLength) === token.slice(-checksumLength) ? hashOf(token) : undefined;
}

/** Writes a fresh token's document. `subject` and `org` say what it is about. */
export function storeToken(
  hash: string,
  about: { kind: OneTimeTokenKind; subject: string; org?: string | null; email?: string | null; expiresAt: Date },
  tx: Pick<Transaction, "create">,
): void {
  tx.create<OneTimeTokenDocument>(oneTimeTokenPath(hash), {
    kind: about.kind,
    subject: about.subject,
    org: about.org ?? null,
    email: about.email ?? null,
    expiresAt: about.expiresAt.toISOString(),
    usedAt: null,
    expireAt: new Date(about.expiresAt.getTime() + keptAfterExpiryMilliseconds).toISOString(),
  });
}

/** Reads a token inside the transaction that will spend it; undefined for one that is unknown, used or expired. */
export async function liveToken(
  hash: string,
  kind: OneTimeTokenKind,
  tx: Pick<Transaction, "get">,
): Promise<LiveToken | undefined> {
  const { body, readAt } = await tx.get<OneTimeTokenDocument>(oneTimeTokenPath(hash));
  return body !== undefined && body.kind === kind && isLive(body, readAt) ? { hash, document: body } : undefined;
}

/** Marks a token used. Two transactions that read it live cannot both commit this. */
export function spendToken({ hash, document }: LiveToken, now: Date, tx: Pick<Transaction, "set">): void {
  tx.set<OneTimeTokenDocument>(oneTimeTokenPath(hash), { ...document, usedAt: now.toISOString() });
}

/** The live tokens of a kind about one subject, to be spent when a new one takes their place. */
export async function liveTokensAbout(
  kind: OneTimeTokenKind,
  subject: string,
  tx: Pick<Transaction, "list">,
): Promise<LiveToken[]> {
  const { documents, readAt } = await tx.list<OneTimeTokenDocument>({
    collection: "oneTimeTokens",
    filters: [
      { field: "kind", is: "==", value: kind },
      { field: "subject", is: "==", value: subject },
      { field: "usedAt", is: "==", value: null },
    ],
    limit: 100,
  });
  return documents
    .filter(({ body }: Snapshot<OneTimeTokenDocument> & { body: OneTimeTokenDocument }) => isLive(body, readAt))
    .map(({ path, body }) => ({ hash: path.split("/")[1] ?? "", document: body }));
}

function isLive({ usedAt, expiresAt }: OneTimeTokenDocument, now: Date): boolean {
  return usedAt === null && Date.parse(expiresAt) > now.getTime();
}

function hashOf(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}
