import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { ConfigurationError, readConfiguration } from "./config.ts";

let ownRing: string;
let generatedRing: string;
let withoutRing: string;
let brokenRing: string;

beforeAll(async () => {
  [ownRing = "", generatedRing = "", withoutRing = "", brokenRing = ""] = await Promise.all(
    ["own", "generated", "none", "broken"].map((name) => mkdtemp(join(tmpdir(), `config-${name}-`))),
  );
  await createKeyRing(join(ownRing, "key-ring.json"), "production");
  await createKeyRing(join(generatedRing, "key-ring.json"));
  await writeFile(join(brokenRing, "key-ring.json"), "{");
});

afterAll(async () => {
  await Promise.all([ownRing, generatedRing, withoutRing, brokenRing].map((folder) => rm(folder, { recursive: true })));
});

const rootKey = "Zk3v9QwLr7TnX2bYd8HsJm4GcPf6Ua1E";

function embedded(): Record<string, string> {
  return { ENVIRONMENT: "production", CA_ROOT_API_KEY: rootKey, CA_DATA_DIR: ownRing };
}

function gcp(): Record<string, string> {
  return {
    ENVIRONMENT: "production",
    PLATFORM: "gcp",
    CA_ROOT_API_KEY: rootKey,
    GCP_PROJECT_ID: "my-project",
    KMS_KEY_NAME: "projects/p/locations/eu/keyRings/r/cryptoKeys/k",
    PUSH_OIDC_AUDIENCE: "https://push.example.com",
    PUSH_SERVICE_ACCOUNT: "push@p.iam.gserviceaccount.com",
    CORS_ORIGINS: "https://console.example.com",
  };
}

async function problemsOf(environment: Record<string, string>): Promise<readonly string[]> {
  try {
    await readConfiguration(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

const unsafe: [
  what: string,
  base: () => Record<string, string>,
  change: () => Record<string, string>,
  problem: RegExp,
][] = [
  ["no root key", embedded, () => ({ CA_ROOT_API_KEY: "" }), /CA_ROOT_API_KEY.*32/],
  ["a short root key", embedded, () => ({ CA_ROOT_API_KEY: rootKey.slice(1) }), /CA_ROOT_API_KEY.*32/],
  ["a placeholder", embedded, () => ({ CA_ROOT_API_KEY: `CHANGEME${rootKey}` }), /CA_ROOT_API_KEY.*placeholder/],
  ["another placeholder", gcp, () => ({ CA_ROOT_API_KEY: `${rootKey}-your-root-key` }), /CA_ROOT_API_KEY.*placeholder/],
  ["authentication switched off", embedded, () => ({ DISABLE_AUTH: "true" }), /DISABLE_AUTH/],
  ["authentication switched off in other words", gcp, () => ({ DISABLE_AUTH: "0" }), /DISABLE_AUTH/],
  ["no rate limits", embedded, () => ({ RATE_LIMIT_ENABLED: "false" }), /RATE_LIMIT_ENABLED/],
  ["any origin", gcp, () => ({ CORS_ORIGINS: "https://a.example.com,*" }), /CORS_ORIGINS.*\*/],
  [
    "an origin without https",
    gcp,
    () => ({ CORS_ORIGINS: "https://a.example.com, http://b.example.com" }),
    /CORS_ORIGINS.*https/,
  ],
  ["no KMS key", gcp, () => ({ KMS_KEY_NAME: "" }), /KMS_KEY_NAME/],
  ["no project", gcp, () => ({ GCP_PROJECT_ID: "" }), /GCP_PROJECT_ID/],
  ["no audience for pushes", gcp, () => ({ PUSH_OIDC_AUDIENCE: "" }), /PUSH_OIDC_AUDIENCE/],
  ["no account for pushes", gcp, () => ({ PUSH_SERVICE_ACCOUNT: "" }), /PUSH_SERVICE_ACCOUNT/],
  ["the generated key ring", embedded, () => ({ CA_DATA_DIR: generatedRing }), /generated development/],
  ["no key ring", embedded, () => ({ CA_DATA_DIR: withoutRing }), /no key ring/],
  ["a broken key ring", embedded, () => ({ CA_DATA_DIR: brokenRing }), /key ring/],
  ["simulated providers", embedded, () => ({ CA_PROVIDER_SIMULATOR_URL: "http://127.0.0.1:8790" }), /SIMULATOR/],
  ["a BigQuery double", gcp, () => ({ BIGQUERY_ENDPOINT: "http://127.0.0.1:1" }), /BIGQUERY_ENDPOINT/],
  ["a KMS double", gcp, () => ({ KMS_ENDPOINT: "http://127.0.0.1:1" }), /KMS_ENDPOINT/],
  ["a storage double", gcp, () => ({ STORAGE_ENDPOINT: "http://127.0.0.1:1" }), /STORAGE_ENDPOINT/],
];

describe("production", () => {
  it("starts on a safe configuration, embedded and on gcp", async () => {
    expect([await problemsOf(embedded()), await problemsOf(gcp())]).toEqual([[], []]);
  });

  it.each(unsafe)("refuses %s, and nothing else", async (_what, base, change, problem) => {
    expect(await problemsOf({ ...base(), ...change() })).toEqual([expect.stringMatching(problem)]);
  });

  it("lists all that is wrong at once, malformed and unsafe settings alike", async () => {
    const problems = await problemsOf({
      ENVIRONMENT: "production",
      PORT: "99999",
      DISABLE_AUTH: "true",
      CA_ROOT_API_KEY: "changeme",
      RATE_LIMIT_ENABLED: "false",
      CORS_ORIGINS: "*,http://a.example.com",
      CA_DATA_DIR: withoutRing,
      CA_PROVIDER_SIMULATOR_URL: "http://127.0.0.1:8790",
    });

    const named = [/PORT/, /DISABLE_AUTH/, /32/, /placeholder/, /RATE_LIMIT/, /`\*`/, /https/, /key ring/, /SIMULATOR/];
    for (const name of named) expect(problems).toContainEqual(expect.stringMatching(name));
    expect(problems).toHaveLength(named.length);
  });

  it("tells no secret in what it refuses", async () => {
    const secret = "changeme-but-secret-all-the-same";

    expect((await problemsOf({ ...embedded(), CA_ROOT_API_KEY: secret })).join()).not.toContain("secret-all");
  });
});

describe("any environment", () => {
  it.each([
    [{ PORT: "-1" }, /PORT/],
    [{ PORT: "eighty" }, /PORT/],
    [{ ENVIRONMENT: "prod" }, /ENVIRONMENT/],
    [{ PLATFORM: "aws" }, /PLATFORM/],
    [{ DISABLE_AUTH: "true" }, /DISABLE_AUTH/],
    [{ CORS_ORIGINS: "*" }, /CORS_ORIGINS/],
    [{ CA_PROVIDER_SIMULATOR_URL: "http://evil.example.com" }, /SIMULATOR/],
    [{ KMS_ENDPOINT: "https://kms.example.com" }, /KMS_ENDPOINT/],
    [{ DATASET_SUFFIX: "UP" }, /DATASET_SUFFIX/],
    [{ TRUSTED_PROXY_HOPS: "6" }, /TRUSTED_PROXY_HOPS/],
  ])("refuses %j", async (settings, problem) => {
    expect(await problemsOf({ ENVIRONMENT: "test", ...settings })).toContainEqual(expect.stringMatching(problem));
  });

  it("takes an empty variable for one that is not set, and fixes what it read", async () => {
    const config = await readConfiguration({ ENVIRONMENT: "test", PORT: "", DISABLE_AUTH: "" });

    expect(config).toMatchObject({ PORT: 8000, DISABLE_AUTH: "false", RATE_LIMIT_ENABLED: "true", CORS_ORIGINS: "" });
    expect(Object.isFrozen(config)).toBe(true);
  });
});
