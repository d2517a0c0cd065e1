import { createHash } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import type { Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { type EmailDocument, emailPath } from "./email.ts";

/** Document `users/{userId}`: a person, in whatever organizations. */
export interface PersonDocument {
  /** `usr_<ulid>`. */
  userId: string;
  /** Verified, as typed; null once the account is deleted. */
  email: string | null;
  /** NFC, trimmed; null until the person gives one. */
  name: string | null;
  /** One of `configs/locales.yml`. */
  language: string;
  /** IANA zone. */
  timezone: string;
  state: "ACTIVE" | "DELETED";
}

/** Document `identities/{sha256 of iss, sub}`: which person an outside issuer's subject is. */
export interface IdentityDocument {
  userId: string;
  issuer: string;
  subject: string;
}

/** A person in answers. */
export const Person = strictObject({
  user_id: Type.String(),
  email: Type.String(),
  name: nullable(Type.String()),
  language: Type.String(),
  timezone: Type.String(),
  created_at: nullable(Type.String({ format: "date-time" })),
});
export type Person = Static<typeof Person>;

export function userPath(userId: string): string {
  return `users/${userId}`;
}

export function identityPath(issuer: string, subject: string): string {
  return `identities/${createHash("sha256")
    .update(JSON.stringify([issuer, subject]), "utf8")
    .digest("hex")}`;
}

export function personAnswer({ body, createdAt }: Pick<Snapshot<PersonDocument>, "body" | "createdAt">): Person {
  if (body === undefined) throw new Error("a session names a person that is not stored");
  const { userId, email, name, language, timezone } = body;
  return { user_id: userId, email: email ?? "", name, language, timezone, created_at: createdAt ?? null };
}

/** The person of a verified address; undefined when there is none. Reads only. */
export async function personOf(address: string, tx: Pick<Transaction, "get">): Promise<PersonDocument | undefined> {
  const owner = (await tx.get<EmailDocument>(emailPath(address))).body;
  if (owner === undefined) return undefined;
  return (await tx.get<PersonDocument>(userPath(owner.userId))).body;
}

/** Writes a new person with a verified address nobody has; `DOCUMENT_EXISTS` when somebody took it meanwhile. */
export function createPerson(
  person: { userId: string; email: string; name?: string | null },
  tx: Pick<Transaction, "create">,
): PersonDocument {
  const { userId, email, name = null } = person;
  const document: PersonDocument = { userId, email, name, language: "en", timezone: "UTC", state: "ACTIVE" };
  tx.create<EmailDocument>(emailPath(email), { userId });
  tx.create<PersonDocument>(userPath(userId), document);
  return document;
}
