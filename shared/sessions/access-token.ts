import { createPrivateKey } from "node:crypto";
import { tokenIssuer, tokenType } from "#shared/access/access-token.ts";
import { type SealedPlatformKeys, signingKey } from "./platform-secrets.ts";

const tokenSeconds = 15 * 60;

/** An access token of a live session: EdDSA, 15 minutes. It ends with its session, whatever it says itself. */
export async function newAccessToken(
  session: { userId: string; sessionId: string; authTime: string; idempotencySecret: string },
  by: SealedPlatformKeys,
): Promise<{ token: string; expiresAt: Date }> {
  const [{ SignJWT }, key] = await Promise.all([import("jose"), signingKey(by)]);
  const issuedSeconds = Math.floor(by.clock.now().getTime() / 1000);
  const privateKey = createPrivateKey({ key: Buffer.from(key.privateKey), format: "der", type: "pkcs8" });
  const claims = {
    sid: session.sessionId,
    idk: session.idempotencySecret,
    auth_time: Math.floor(Date.parse(session.authTime) / 1000),
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "EdDSA", kid: key.kid, typ: tokenType })
    .setIssuer(tokenIssuer)
    .setAudience(tokenIssuer)
    .setSubject(session.userId)
    .setIssuedAt(issuedSeconds)
    .setExpirationTime(issuedSeconds + tokenSeconds)
    .sign(privateKey);
  return { token, expiresAt: new Date((issuedSeconds + tokenSeconds) * 1000) };
}
