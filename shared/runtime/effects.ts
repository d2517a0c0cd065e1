import type { Caller } from "#shared/access/caller.ts";
import { type AuditEntry, type Change, commitChange } from "./change.ts";
import type { Client } from "./client.ts";
import type { Answer, AnyHttpDeclaration, Effects, HttpRequest } from "./declaration.ts";
import { concludeUse, holdUse, type KeyUse } from "./idempotency.ts";
import type { Given, PortName } from "./ports.ts";
import { outcomeOf } from "./respond.ts";

interface EffectsContext {
  use: KeyUse | undefined;
  given: Given<PortName>;
  client: Client;
}

export interface RequestEffects extends Effects<unknown> {
  /** Whether the operation has said that it is done: without it no audit row and no stored answer was written. */
  isConcluded(): boolean;
}

/** The runtime's part in an operation that changes something: audit row and idempotency record in its own transaction. */
export function effectsOf(
  declaration: AnyHttpDeclaration,
  request: HttpRequest<Record<string, string>, unknown, unknown>,
  context: EffectsContext,
): RequestEffects {
  const { use, given } = context;
  let isConcluded = false;
  // A transaction body may run again: what it held is known per transaction.
  const held = new WeakMap<Change, Date>();
  return {
    isConcluded: () => isConcluded,
    commit: (body) => commitChange(body, given),
    prepare: async (change) => {
      if (use !== undefined) held.set(change, await holdUse(use, change));
    },
    conclude: (change, answer, details = {}) => {
      isConcluded = true;
      const outcome = outcomeOf(declaration, answer as Answer<unknown>);
      if (details.isAudited !== true)
        change.audit(auditEntry(declaration, request, { ...context, overrides: details }));
      if (use === undefined) return;
      const heldAt = held.get(change);
      if (heldAt === undefined) throw new Error(`${declaration.path}: conclude without prepare`);
      const { status, headers, body } = outcome;
      const orgSlug = (details.org ?? request.org)?.slug;
      concludeUse(use, { status, headers, body }, { heldAt, orgSlug }, change);
    },
    audit: (change, details = {}) => {
      // Without an Idempotency-Key there is nothing else to conclude.
      isConcluded ||= use === undefined;
      change.audit(auditEntry(declaration, request, { ...context, overrides: details }));
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
    ...(overrides.userId === undefined ? actorOf(caller) : personActor(overrides.userId)),
    action: overrides.action ?? audit.action,
    operation: audit.operation,
    resourceType: audit.resourceType,
    resourceId: overrides.resourceId ?? audit.resourceId?.(request) ?? null,
    details: overrides.details ?? null,
    ipAddress: context.client.address,
    userAgent: context.client.userAgent,
    requestId: request.requestId,
    status: "SUCCESS",
    errorMessage: null,
  };
}

/** Who acted, as an audit row names them. */
export function actorOf(caller: Caller): Pick<AuditEntry, "actorKind" | "apiKeyId" | "userId"> {
  if (caller.kind === "key") return { actorKind: "key", apiKeyId: caller.keyId, userId: null };
  if (caller.kind === "member" || caller.kind === "person") return personActor(caller.userId);
  return { actorKind: caller.kind === "root" ? "root" : "system", apiKeyId: null, userId: null };
}

function personActor(userId: string): Pick<AuditEntry, "actorKind" | "apiKeyId" | "userId"> {
  return { actorKind: "member", apiKeyId: null, userId };
}
