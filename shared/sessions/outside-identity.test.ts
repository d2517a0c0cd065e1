import { createHmac } from "node:crypto";
import { exportSPKI, generateKeyPair } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import type { OidcIssuer } from "#shared/runtime/oidc-issuers.ts";
import { type MovableClock, movableClock } from "#shared/runtime/served.fixture.ts";
import { type IssuerDouble, startIssuerDouble, type TokenOptions } from "./issuer.fixture.ts";
import { outsideIdentity } from "./outside-identity.ts";

let issuer: IssuerDouble;
let clock: MovableClock;
let trusted: OidcIssuer;

beforeEach(async () => {
  issuer = await startIssuerDouble();
  clock = movableClock();
  trusted = { issuer: issuer.url, audience: issuer.audience, jwksUri: undefined, emailTrust: "claim" };
});

afterEach(() => issuer.close());

function read(token: string, as: OidcIssuer = trusted, isDevelopment = true) {
  return outsideIdentity(token, [as], { clock, isDevelopment });
}

async function verdict(token: string, as: OidcIssuer = trusted, isDevelopment = true): Promise<string> {
  return read(token, as, isDevelopment).then(
    ({ email }) => email ?? "no verified e-mail",
    (error: unknown) => (isAppError(error) ? error.code : String(error)),
  );
}

function token(claims: Record<string, unknown> = {}, how: TokenOptions = {}): Promise<string> {
  return issuer.token(claims, { now: clock.now(), ...how });
}

const seconds = (): number => Math.floor(clock.now().getTime() / 1000);

/** A token put together by hand, for what no library signs. */
function handmade(header: object, claims: object, signature: (input: string) => string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signature(input)}`;
}

function rightClaims(): Record<string, unknown> {
  const iat = seconds();
  const standard = { iss: issuer.url, aud: issuer.audience, sub: "subject-1", iat, exp: iat + 3_600 };
  return { ...standard, email: "ada@example.com", email_verified: true };
}

describe("a token of a trusted issuer", () => {
  it.each(["RS256", "ES256", "EdDSA"] as const)("signed with %s names its subject", async (alg) => {
    const identity = await read(await token({}, { alg }));

    expect(identity).toMatchObject({ issuer: issuer.url, subject: "subject-1", email: "ada@example.com" });
  });

  it.each<[what: string, claims: () => Record<string, unknown>]>([
    ["another issuer", () => ({ iss: "https://evil.example" })],
    ["the issuer with a slash", () => ({ iss: `${issuer.url}/` })],
    ["another audience", () => ({ aud: "somebody-else" })],
    ["several audiences", () => ({ aud: [issuer.audience, "somebody-else"] })],
    ["no audience", () => ({ aud: undefined })],
    ["an end more than a minute ago", () => ({ exp: seconds() - 61 })],
    ["no end", () => ({ exp: undefined })],
    ["a beginning more than a minute ahead", () => ({ nbf: seconds() + 62 })],
    ["a making more than a minute ahead", () => ({ iat: seconds() + 62 })],
    ["no making", () => ({ iat: undefined })],
    ["no subject", () => ({ sub: undefined })],
    ["an empty subject", () => ({ sub: "" })],
    ["a subject of 256 characters", () => ({ sub: "s".repeat(256) })],
    ["more than 8 KiB", () => ({ filling: "x".repeat(8_192) })],
  ])("with %s is refused", async (_what, claims) => {
    expect(await verdict(await token(claims()))).toBe("UNAUTHENTICATED");
  });

  it("within the leeway of a minute is taken", async () => {
    const late = await token({ exp: seconds() - 59 });
    const early = await token({ nbf: seconds() + 59, iat: seconds() + 59 });

    expect([await verdict(late), await verdict(early)]).toEqual(["ada@example.com", "ada@example.com"]);
  });

  it("that is unsigned, signed with a secret, with a key nobody published or by another algorithm is refused", async () => {
    const { publicKey } = await generateKeyPair("RS256", { extractable: true });
    const pem = await exportSPKI(publicKey);
    const unsigned = handmade({ alg: "none" }, rightClaims(), () => "");
    const withPublicKey = handmade({ alg: "HS256" }, rightClaims(), (input) =>
      createHmac("sha256", pem).update(input).digest("base64url"),
    );
    const mislabelled = (await token()).replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString("base64url"));
    const tokens = [unsigned, withPublicKey, mislabelled, await token({}, { isForged: true })];

    const verdicts: string[] = [];
    for (const each of [...tokens, await token({}, { alg: "PS256" }), "", "x", "a.b.c", "null"])
      verdicts.push(await verdict(each));

    expect(verdicts).toEqual(verdicts.map(() => "UNAUTHENTICATED"));
  });

  it.each<[what: string, claims: Record<string, unknown>]>([
    ["without email_verified", { email_verified: undefined }],
    ["with email_verified as text", { email_verified: "true" }],
    ["with 1 as email_verified", { email_verified: 1 }],
    ["verified in user_metadata only", { email_verified: false, user_metadata: { email_verified: true } }],
    ["without an e-mail", { email: undefined }],
    ["with an e-mail that is none", { email: "ada@@example.com" }],
    ["of an anonymous Supabase user", { is_anonymous: true }],
    ["of an anonymous Identity Platform user", { firebase: { sign_in_provider: "anonymous" } }],
  ])("%s verifies no e-mail", async (_what, claims) => {
    expect(await verdict(await token(claims))).toBe("no verified e-mail");
  });

  it("needs no claim where the operator vouches for the issuer, but no anonymous person is vouched for", async () => {
    const vouched: OidcIssuer = { ...trusted, emailTrust: "issuer" };

    expect(await verdict(await token({ email_verified: undefined }), vouched)).toBe("ada@example.com");
    expect(await verdict(await token({ is_anonymous: true }), vouched)).toBe("no verified e-mail");
  });

  it("tells when the person proved who they are, not when the token was refreshed", async () => {
    const proved = async (claims: Record<string, unknown>) => (await read(await token(claims))).authTime.toISOString();
    const hourAgo = seconds() - 3_600;

    expect(await proved({ auth_time: hourAgo })).toBe("2026-08-10T11:00:00.000Z");
    expect(await proved({ amr: [{ method: "otp", timestamp: hourAgo }] })).toBe("2026-08-10T11:00:00.000Z");
    expect(await proved({})).toBe("2026-08-10T12:00:00.000Z");
    expect(await proved({ auth_time: seconds() + 9_999 })).toBe("2026-08-10T12:00:00.000Z");
  });
});

describe("the keys of an issuer", () => {
  it("are asked for once in ten minutes, however many tokens come", async () => {
    const one = await token();
    await Promise.all(Array.from({ length: 20 }, () => read(one)));
    clock.advance(599_000);
    await read(await token());

    expect(issuer.asked()).toBe(1);
    clock.advance(1_000);
    await read(await token());
    expect(issuer.asked()).toBe(2);
  });

  it("work within a minute after a change, and unknown ones do not make us ask more often", async () => {
    await read(await token());
    await issuer.rotate();
    const fresh = await token();

    clock.advance(59_000);
    const tooSoon = [await verdict(fresh), await verdict(fresh)];
    const askedSoFar = issuer.asked();
    clock.advance(1_000);

    expect(tooSoon).toEqual(["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    expect(askedSoFar).toBe(1);
    expect(await verdict(fresh)).toBe("ada@example.com");
  });

  it("are those of the last day while the issuer is down, and then it is 503", async () => {
    await read(await token());
    issuer.mode = "down";

    clock.advance(24 * 3_600_000 - 1_000);
    const before = await verdict(await token());
    clock.advance(1_000);
    const after = await verdict(await token());

    expect([before, after]).toEqual(["ada@example.com", "IDENTITY_ISSUER_UNAVAILABLE"]);
  });

  it.each(["down", "huge", "garbage", "redirect"] as const)("are not had from an issuer that is %s", async (mode) => {
    issuer.mode = mode;

    expect(await verdict(await token())).toBe("IDENTITY_ISSUER_UNAVAILABLE");
  });

  it("are fetched without TLS on this machine in development only", async () => {
    expect(await verdict(await token(), trusted, false)).toBe("IDENTITY_ISSUER_UNAVAILABLE");
    expect(issuer.asked()).toBe(0);
  });
});
