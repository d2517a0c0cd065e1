import type { Caller } from "#shared/access/caller.ts";
import { type AuditEntry, type Change, commitChange } from "./change.ts";
import type { Answer, AnyHttpDeclaration, Effects, HttpRequest } from "./declaration.ts";
import { concludeUse, holdUse, type KeyUse } from "./idempotency.ts";
import type { Given, PortName } from "./ports.ts";
import { outcomeOf } from "./respond.ts";

interface EffectsContext {
  use: KeyUse | undefined;
  given: Given<PortName>;
  address: string;
  userAgent: string | undefined;
}

/** The runtime's part in an operation that changes something: audit row and idempotency record in its own transaction. */
export function effectsOf(
  declaration: AnyHttpDeclaration,
  request: HttpRequest<Record<string, string>, unknown, unknown>,
  context: EffectsContext,
): Effects<unknown> {
  const { use, given } = context;
  // A transaction body may run again: what it held is known per transaction.
  const held = new WeakMap<Change, Date>();
  return {
    commit: (body) => commitChange(body, given),
    prepare: async (change) => {
      if (use !== undefined) held.set(change, await holdUse(use, change));
    },
    conclude: (change, answer, details = {}) => {
      const outcome = outcomeOf(declaration, answer as Answer<unknown>);
      change.audit(auditEntry(declaration, request, { ...context, overrides: details }));
      if (use === undefined) return;
      const heldAt = held.get(change);
      if (heldAt === undefined) throw new Error(`${declaration.path}: conclude without prepare`);
      concludeUse(use, { status: outcome.status, headers: outcome.headers, body: outcome.body }, heldAt, change);
    },
  };
}

function auditEntry(
  declaration: AnyHttpDeclaration,
  request: HttpRequest<Record<string, string>, unknown, unknown>,
  context: EffectsContext & { overrides: Parameters<Effects<unknown>["conclude"]>[2] },
): AuditEntry {
  const { audit } = declaration;
  if (audit === undefined) throw new Error(`${declaration.path} changes something without an audit row`);
  const { caller } = request;
  const overrides = context.overrides ?? {};
  return {
    org: overrides.org ?? request.org,
    ...actorOf(caller),
    action: overrides.action ?? audit.action,
    operation: audit.operation,
    resourceType: audit.resourceType,
    resourceId: overrides.resourceId ?? audit.resourceId?.(request) ?? null,
    details: overrides.details ?? null,
    ipAddress: context.address,
    userAgent: context.userAgent?.slice(0, 300) ?? null,
    requestId: request.requestId,
    status: "SUCCESS",
    errorMessage: null,
  };
}

function actorOf(caller: Caller): Pick<AuditEntry, "actorKind" | "apiKeyId" | "userId"> {
  if (caller.kind === "key") return { actorKind: "key", apiKeyId: caller.keyId, userId: null };
  if (caller.kind === "member" || caller.kind === "person")
    return { actorKind: "member", apiKeyId: null, userId: caller.userId };
  return { actorKind: caller.kind === "root" ? "root" : "system", apiKeyId: null, userId: null };
}
