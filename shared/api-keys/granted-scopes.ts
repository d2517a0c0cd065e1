import type { Caller } from "#shared/access/caller.ts";
import { roleScopes } from "#shared/access/role-scopes.ts";
import { canonicalScope, isForPeople, keyHolds, type Scope } from "#shared/access/scopes.ts";
import { AppError } from "#shared/runtime/errors.ts";

/**
 * The scopes of a key by their own names, each once. 422 `INVALID_BODY` for one that is unknown or that only a person
 * may hold: no key ever does, whoever asks.
 */
export function keyScopes(asked: readonly string[]): Scope[] {
  const canonical = asked.map((scope) => canonicalScope(scope.trim().toLowerCase()));
  const fields = canonical.flatMap((scope, at) => {
    if (scope === undefined) return [{ path: `/scopes/${at}`, problem: "is no scope" }];
    return isForPeople(scope) ? [{ path: `/scopes/${at}`, problem: `${scope} is for people only` }] : [];
  });
  if (fields.length > 0)
    throw new AppError("INVALID_BODY", `The body is not valid: ${fields[0]?.path} ${fields[0]?.problem}.`, { fields });
  return [...new Set(canonical.filter((scope) => scope !== undefined))];
}

/** Throws 403 `SCOPE_EXCEEDED` unless the caller holds every scope: nobody gives, or takes out of a rotation, more than they have. */
export function refuseMoreScopes(caller: Caller, scopes: readonly string[]): void {
  const missing = scopes.filter((scope) => !holds(caller, scope));
  if (missing.length === 0) return;
  throw new AppError("SCOPE_EXCEEDED", `The key would have more scopes than its maker: ${missing.join(", ")}.`, {
    fields: missing.map((scope) => ({ path: "/scopes", problem: `${scope} is not yours to give` })),
  });
}

function holds(caller: Caller, scope: string): boolean {
  const wanted = canonicalScope(scope);
  if (wanted === undefined) return false;
  if (caller.kind === "root") return true;
  if (caller.kind === "key") return keyHolds(caller.scopes, wanted);
  if (caller.kind !== "member") return false;
  // A key with `*` may do what an admin may (`organizations.md` 4, table).
  const wantedOfPerson = wanted === "*" ? roleScopes("admin") : [wanted];
  return wantedOfPerson.every((each) => caller.scopes.includes(each));
}
