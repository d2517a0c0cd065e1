import { describe, expect, it } from "vitest";
import { ConfigurationError, readConfiguration } from "./config.ts";
import { issuerProblems, oidcIssuers } from "./oidc-issuers.ts";

const supabase = { issuer: "https://ref.supabase.co/auth/v1", audience: "authenticated" };
const identityPlatform = {
  issuer: "https://securetoken.google.com/my-project",
  audience: "my-project",
  jwks_uri: "https://www.googleapis.com/keys",
  email_trust: "issuer",
};

function problems(value: unknown, ENVIRONMENT = "production"): string[] {
  return issuerProblems({ OIDC_ISSUERS: typeof value === "string" ? value : JSON.stringify(value), ENVIRONMENT });
}

describe("the setting OIDC_ISSUERS", () => {
  it("lists issuers, with discovery and the token's own word about e-mails unless it says otherwise", () => {
    const setting = { OIDC_ISSUERS: JSON.stringify([supabase, identityPlatform]), ENVIRONMENT: "production" };

    expect(oidcIssuers(setting)).toEqual([
      { ...supabase, jwksUri: undefined, emailTrust: "claim" },
      {
        issuer: identityPlatform.issuer,
        audience: "my-project",
        jwksUri: identityPlatform.jwks_uri,
        emailTrust: "issuer",
      },
    ]);
    expect(oidcIssuers({ ENVIRONMENT: "production" })).toEqual([]);
  });

  it.each<[what: string, value: unknown, problem: RegExp]>([
    ["no JSON", "{", /JSON list/],
    ["no list", supabase, /JSON list/],
    ["an entry that is none", [null], /must be an object/],
    ["an issuer without TLS", [{ ...supabase, issuer: "http://issuer.example" }], /https/],
    ["an issuer on this machine", [{ ...supabase, issuer: "http://127.0.0.1:9000" }], /https/],
    [
      "an issuer that only begins like this machine",
      [{ ...supabase, issuer: "http://localhost.evil.example" }],
      /https/,
    ],
    ["no audience", [{ issuer: supabase.issuer }], /audience/],
    ["keys without TLS", [{ ...supabase, jwks_uri: "http://keys.example" }], /jwks_uri/],
    ["an unknown trust", [{ ...supabase, email_trust: "always" }], /email_trust/],
    ["an unknown member", [{ ...supabase, secret: "x" }], /secret/],
    ["an issuer twice", [supabase, supabase], /twice/],
  ])("is refused in production with %s", (_what, value, problem) => {
    expect(problems(value).join("; ")).toMatch(problem);
  });

  it("may name this machine in development and tests", () => {
    const local = [{ ...supabase, issuer: "http://127.0.0.1:9000", jwks_uri: "http://localhost:9000/keys" }];

    expect([problems(local, "development"), problems(local, "test")]).toEqual([[], []]);
    expect(problems([{ ...supabase, issuer: "http://localhost.evil.example" }], "test")).toHaveLength(1);
  });

  it("stops the process at the start, with every fault at once", async () => {
    const setting = JSON.stringify([{ issuer: "x" }, { ...supabase, email_trust: "x" }]);

    const error: unknown = await readConfiguration({ ENVIRONMENT: "test", OIDC_ISSUERS: setting }).catch((e) => e);

    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).toHaveLength(3);
  });
});
