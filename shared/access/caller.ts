import type { Role } from "./roles.ts";
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

/** A person as their session or token names them. */
export interface SignedIn {
  credentialId: string;
  /** `usr_<ulid>`. */
  userId: string;
  /** Verified, as typed. */
  email: string;
  sessionId: string;
  /** RFC 3339, UTC: when the person last proved who they are. */
  signedInAt: string;
}

/** Who is calling. `credentialId` scopes idempotency keys and rate limits. */
export type Caller =
  | { kind: "public"; credentialId: "public" }
  | { kind: "root"; credentialId: "root" }
  | { kind: "key"; credentialId: string; keyId: string; org: OrgIdentity; scopes: readonly string[] }
  /** A signed-in person in an organization they are a member of. */
  | (SignedIn & { kind: "member"; org: OrgIdentity; role: Role; scopes: readonly string[] })
  /** A signed-in person where no organization is asked for. */
  | (SignedIn & { kind: "person" })
  | { kind: "platform"; credentialId: string };

/** Who may call a function; the default of every declaration is nobody. */
export type Access =
  | { kind: "public" }
  | { kind: "root"; openInDevelopment: boolean }
  | { kind: "any" }
  | { kind: "session" }
  | { kind: "org"; scope: Scope; also?: Scope; root: boolean; peopleOnly: boolean };

export function publicAccess(): Access {
  return { kind: "public" };
}

/** The platform's operator. */
export function rootAccess(options: { openInDevelopment?: boolean } = {}): Access {
  return { kind: "root", openInDevelopment: options.openInDevelopment ?? false };
}

/** Whoever has a valid credential of any kind. */
export function anyAccess(): Access {
  return { kind: "any" };
}

/** Any signed-in person. */
export function sessionAccess(): Access {
  return { kind: "session" };
}

/**
 * A credential of the organization in the path that holds the scope - a key, or a member by role; with `root` also the
 * platform's operator; with `also` the credential holds that scope too. With `peopleOnly` no key will do: `{ scope: "org:delete", peopleOnly: true }` is the owner.
 */
export function orgAccess(scope: Scope, options: { also?: Scope; root?: boolean; peopleOnly?: boolean } = {}): Access {
  const { also, root = false, peopleOnly = false } = options;
  return { kind: "org", scope, ...(also === undefined ? {} : { also }), root, peopleOnly };
}
