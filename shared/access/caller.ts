import type { Scope } from "./scopes.ts";

/** An organization as a verified credential names it. */
export interface OrgIdentity {
  /** As stored and shown. */
  slug: string;
  /** Lower case: the document id. */
  key: string;
  /** `org_<ulid>`: the company, whatever its slug; bound into sealed values and dataset labels. */
  orgId: string;
}

/** Who is calling. `credentialId` scopes idempotency keys and rate limits. */
export type Caller =
  | { kind: "public"; credentialId: "public" }
  | { kind: "root"; credentialId: "root" }
  | { kind: "key"; credentialId: string; keyId: string; org: OrgIdentity; scopes: readonly string[] }
  | { kind: "platform"; credentialId: string };

/** Who may call a function; the default of every declaration is nobody. */
export type Access =
  | { kind: "public" }
  | { kind: "root"; openInDevelopment: boolean }
  | { kind: "any" }
  | { kind: "org"; scope: Scope; root: boolean };

export function publicAccess(): Access {
  return { kind: "public" };
}

/** The platform's operator. */
export function rootAccess(options: { openInDevelopment?: boolean } = {}): Access {
  return { kind: "root", openInDevelopment: options.openInDevelopment ?? false };
}

/** A credential of the organization in the path that holds the scope; with `root` also the platform's operator. */
export function orgAccess(scope: Scope, options: { root?: boolean } = {}): Access {
  return { kind: "org", scope, root: options.root ?? false };
}
