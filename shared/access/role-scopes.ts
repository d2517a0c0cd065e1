import type { Role } from "./roles.ts";
import { allScopes, type Scope } from "./scopes.ts";

/** Reads that show secrets' traces, money or who did what. */
const guardedReads: readonly Scope[] = ["keys:read", "audit:read", "billing:read"];

const work: readonly Scope[] = [
  "pipelines:run",
  "hierarchy:write",
  "budgets:write",
  "alerts:write",
  "notifications:write",
  "subscriptions:write",
  "pricing:write",
];

const administration: readonly Scope[] = [
  "integrations:write",
  "org:write",
  "keys:write",
  "members:write",
  "costs:write",
  "usage:write",
  ...guardedReads,
  "data:export",
];

const ownership: readonly Scope[] = ["billing:write", "data:delete", "org:delete", "ownership:transfer"];

const reads = allScopes.filter((scope) => scope.endsWith(":read") && !guardedReads.includes(scope));

const scopesOf: Readonly<Record<Role, readonly Scope[]>> = {
  owner: [...reads, ...work, ...administration, ...ownership],
  admin: [...reads, ...work, ...administration],
  member: [...reads, ...work],
  viewer: reads,
};

/** What a member may do: the only table of roles and scopes there is. Source: `organizations.md` 4. */
export function roleScopes(role: Role): readonly Scope[] {
  return scopesOf[role];
}
