import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { type Configuration, readConfiguration } from "./config.ts";
import { assertPushIdentity } from "./push-identity.ts";

const audience = "https://push.example.com";
const account = "push@project.iam.gserviceaccount.com";
let config: Configuration;
let open: Configuration;
let key: Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

beforeAll(async () => {
  config = await readConfiguration({
    ENVIRONMENT: "test",
    PUSH_OIDC_AUDIENCE: audience,
    PUSH_SERVICE_ACCOUNT: account,
  });
  open = await readConfiguration({ ENVIRONMENT: "test" });
  key = (await generateKeyPair("RS256")).privateKey;
});

function claims(): SignJWT {
  return new SignJWT({ email: account, email_verified: true })
    .setIssuer("https://accounts.google.com")
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime("5m");
}

async function refusal(authorization: string | undefined): Promise<unknown> {
  return assertPushIdentity({ authorization }, config).then(
    () => "let in",
    (error: { code?: string }) => error.code,
  );
}

describe("a push to a topic function", () => {
  it.each([
    ["no token", undefined],
    ["another scheme", "Basic dXNlcjpwYXNz"],
    ["an empty token", "Bearer "],
    ["no token at all after the scheme", "Bearer"],
    ["garbage", "Bearer garbage"],
    ["three empty parts", "Bearer .."],
    ["a huge token", `Bearer ${"a".repeat(20_000)}`],
  ])("is refused with %s where an identity is configured", async (_what, authorization) => {
    expect(await refusal(authorization)).toBe("UNAUTHENTICATED");
  });

  it("is refused with a token that anybody can sign", async () => {
    const secret = new TextEncoder().encode("x".repeat(32));
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from("{}").toString("base64url")}.`;
    const symmetric = await claims().setProtectedHeader({ alg: "HS256" }).sign(secret);
    const own = await claims().setProtectedHeader({ alg: "RS256", kid: "mine" }).sign(key);
    const jwk = await exportJWK((await generateKeyPair("RS256", { extractable: true })).publicKey);
    const carried = await claims().setProtectedHeader({ alg: "RS256", jwk }).sign(key);

    for (const token of [none, symmetric, own, carried])
      expect(await refusal(`Bearer ${token}`)).toBe("UNAUTHENTICATED");
  });

  it("is taken where no identity is configured, which production refuses", async () => {
    await expect(assertPushIdentity({}, open)).resolves.toBeUndefined();
    const production = { ENVIRONMENT: "production", PLATFORM: "gcp", GCP_PROJECT_ID: "project" };
    await expect(readConfiguration(production)).rejects.toThrow("PUSH_OIDC_AUDIENCE");
  });
});
