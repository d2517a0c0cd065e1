import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { informedOf } from "#shared/members/informed.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { keyScopes, refuseMoreScopes } from "./granted-scopes.ts";
import { issuedMail } from "./issued-mail.ts";
import { creatorOf, freshKey, type KeyPorts, refuseTooManyKeys, storeKey } from "./new-key.ts";
import { liveKeys } from "./stored-key.ts";

export const IssueRequest = strictObject({
  name: plainText(3, 100, { alsoAs: ["key_name"] }),
  scopes: Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { minItems: 1, maxItems: 30 }),
  expires_in_days: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 3650 }))),
});
export type IssueRequest = Static<typeof IssueRequest>;

export const IssuedKey = strictObject({
  key_id: Type.String(),
  api_key: Type.String({ description: "Shown this once" }),
  org_api_key_hash: Type.String(),
  fingerprint: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  expires_at: nullable(Type.String({ format: "date-time" })),
  created_at: Type.String({ format: "date-time" }),
  created_by: Type.String(),
});
export type IssuedKey = Static<typeof IssuedKey>;

const defaultDays = 365;
const dayMilliseconds = 86_400_000;

/**
 * Makes a key with scopes that the caller holds. Without `expires_in_days` it lives 365 days, with null for ever. Throws
 * `SCOPE_EXCEEDED`, and `PLAN_LIMIT_REACHED` beside 25 live ones. Source: `organizations.md` 4.
 */
export async function issueKey(
  asked: { org: OrgIdentity; caller: Caller; request: IssueRequest },
  effects: Effects<IssuedKey>,
  given: KeyPorts,
): Promise<IssuedKey> {
  const { org, caller, request } = asked;
  const name = keyName(request.name);
  const scopes = keyScopes(request.scopes);
  refuseMoreScopes(caller, scopes);
  const fresh = await freshKey(org, given);
  return effects.commit(async (change) => {
    const live = await liveKeys(org, change);
    const informed = await informedOf(org, change);
    await effects.prepare(change);
    refuseTooManyKeys(live);
    const expiresAt = expiryOf(request, change.now);
    const createdBy = creatorOf(caller);
    const terms = { name, scopes, primary: false, expiresAt, rotatedFrom: null, createdBy };
    const { fingerprint } = storeKey(org, fresh, terms, change);
    if (informed !== undefined) change.publish(issuedMail(informed, { name, fingerprint }, given), org);
    const answer = {
      key_id: fresh.keyId,
      api_key: fresh.apiKey,
      org_api_key_hash: fresh.hash,
      fingerprint,
      name,
      scopes,
      expires_at: expiresAt,
      created_at: change.now.toISOString(),
      created_by: createdBy,
    };
    effects.conclude(change, answer, {
      resourceId: fresh.keyId,
      details: { name, scopes, fingerprint, expires_at: expiresAt },
    });
    return answer;
  });
}

function keyName(sent: string): string {
  const name = sent.normalize("NFC").trim();
  if (name.length >= 3) return name;
  throw new AppError("INVALID_BODY", "name must have at least 3 characters.", {
    fields: [{ path: "/name", problem: "must have at least 3 characters beside spaces" }],
  });
}

function expiryOf({ expires_in_days: days = defaultDays }: IssueRequest, now: Date): string | null {
  return days === null ? null : new Date(now.getTime() + days * dayMilliseconds).toISOString();
}
