import { LRUCache } from "lru-cache";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { commitRecord } from "./change.ts";
import type { Client } from "./client.ts";
import type { AnyHttpDeclaration } from "./declaration.ts";
import { actorOf } from "./effects.ts";
import type { Given, PortName } from "./ports.ts";
import { countWithin, windowEnd } from "./rate-limits.ts";

/** A request that was answered 403 although its credential is known. */
export interface Denial {
  functionName: string;
  declaration: AnyHttpDeclaration;
  caller: Caller;
  org: OrgIdentity | undefined;
  code: string;
  message: string;
  client: Client;
  requestId: string;
}

const windowSeconds = 60;
const recorded = new WeakMap<Documents, LRUCache<string, true>>();

/**
 * Writes the DENIED audit row of a refusal, at most one per credential, function and UTC minute, in the credential's own
 * organization: whose address was asked for stays unsaid. Source: `organizations.md` 9.
 */
export async function recordDenial(denial: Denial, given: Given<PortName>): Promise<void> {
  const { functionName, caller } = denial;
  const scope = JSON.stringify(["denied", caller.credentialId, functionName]);
  const minute = `${scope} ${windowEnd(given.clock.now().getTime(), windowSeconds)}`;
  const known = recorded.get(given.documents) ?? new LRUCache<string, true>({ max: 10_000 });
  recorded.set(given.documents, known);
  if (known.has(minute)) return;
  await commitRecord(async (change) => {
    const { remaining } = await countWithin([{ scope, times: 1, windowSeconds }], change);
    if (remaining < 0) return;
    change.audit({
      org: "org" in caller ? caller.org : denial.org,
      ...actorOf(caller),
      action: "access.denied",
      operation: denial.declaration.audit?.operation ?? "READ",
      resourceType: "function",
      resourceId: functionName,
      details: { code: denial.code },
      ipAddress: denial.client.address,
      userAgent: denial.client.userAgent,
      requestId: denial.requestId,
      status: "DENIED",
      errorMessage: denial.message,
    });
  }, given);
  known.set(minute, true);
}
