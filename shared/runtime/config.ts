import { readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { issuerProblems } from "./oidc-issuers.ts";
import { validatorOf } from "./validators.ts";

/** Every setting, by the name of its environment variable. */
export const Environment = Type.Object({
  ENVIRONMENT: Type.Union(
    [Type.Literal("development"), Type.Literal("test"), Type.Literal("staging"), Type.Literal("production")],
    { default: "development" },
  ),
  PLATFORM: Type.Union([Type.Literal("embedded"), Type.Literal("gcp")], { default: "embedded" }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8000 }),
  HOST: Type.String({ default: "127.0.0.1" }),
  LOG_LEVEL: Type.Union(
    ["debug", "info", "warn", "error", "silent"].map((level) => Type.Literal(level)),
    { default: "info" },
  ),
  CA_DATA_DIR: Type.String({ minLength: 1, default: ".costatlas" }),
  CA_ROOT_API_KEY: Type.Optional(Type.String({ minLength: 1 })),
  CA_PROVIDER_SIMULATOR_URL: Type.Optional(
    Type.String({ pattern: "^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:\\d+)?$" }),
  ),
  CA_FRAME_CACHE_BYTES: Type.Integer({ minimum: 1048576, default: 536870912 }),
  DATASET_SUFFIX: Type.Optional(Type.String({ pattern: "^[a-z]{2,10}$" })),
  DATASET_LOCATION: Type.String({ pattern: "^[A-Za-z0-9-]{2,40}$", default: "US" }),
  DISABLE_AUTH: Type.Literal("false", { default: "false" }),
  RATE_LIMIT_ENABLED: Type.Union([Type.Literal("true"), Type.Literal("false")], { default: "true" }),
  CORS_ORIGINS: Type.String({ default: "" }),
  TRUSTED_PROXY_HOPS: Type.Integer({ minimum: 0, maximum: 5, default: 0 }),
  /** Where people find the console; links in mails lead there. */
  CONSOLE_URL: Type.Optional(Type.String({ pattern: "^https?://[^\\s?#]+$" })),
  /** JSON list of the issuers whose tokens a person may sign in with (`organizations.md` 8). */
  OIDC_ISSUERS: Type.Optional(Type.String({ minLength: 2 })),
  /** `smtp://user:password@host:587`, `smtps://...`, or `file:` for a folder `mail` beside the data. */
  MAIL_URL: Type.Optional(Type.String({ pattern: "^(smtps?://\\S+|file:)$" })),
  SELF_SIGNUP: Type.Optional(Type.Union([Type.Literal("true"), Type.Literal("false")])),
  MAIL_FROM: Type.String({ pattern: "^[^\\r\\n]*[^@\\s]+@[^@\\s]+$", default: "Cost Atlas <no-reply@localhost>" }),
  /** How long an alert rule of a new organization is silent once it has told something. */
  ALERTS_DEBOUNCE_MINUTES: Type.Integer({ minimum: 5, maximum: 360, default: 60 }),
  GCP_PROJECT_ID: Type.Optional(Type.String({ minLength: 4 })),
  GCP_OBJECTS_BUCKET: Type.Optional(Type.String({ minLength: 3 })),
  KMS_KEY_NAME: Type.Optional(
    Type.String({ pattern: "^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$" }),
  ),
  BIGQUERY_ENDPOINT: Type.Optional(Type.String({ pattern: "^http://127\\.0\\.0\\.1:\\d+$" })),
  KMS_ENDPOINT: Type.Optional(Type.String({ pattern: "^http://127\\.0\\.0\\.1:\\d+$" })),
  STORAGE_ENDPOINT: Type.Optional(Type.String({ pattern: "^http://127\\.0\\.0\\.1:\\d+$" })),
  PUSH_OIDC_AUDIENCE: Type.Optional(Type.String({ minLength: 1 })),
  PUSH_SERVICE_ACCOUNT: Type.Optional(Type.String({ pattern: "^[^@\\s]+@[^@\\s]+$" })),
});

/** The validated configuration of this process. Read once; never changed. */
export type Configuration = Readonly<Static<typeof Environment>>;

/** All that is wrong with the environment, at once. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}

const placeholders = ["changeme", "change-me", "placeholder", "your-root-key", "secret", "password", "example", "test"];

/**
 * Reads the configuration from environment variables (and `.env.local` in development, where a variable is not set).
 * Throws `ConfigurationError` naming every problem. Rules: `api.md`, "Configuration".
 */
export async function readConfiguration(environment: NodeJS.ProcessEnv): Promise<Configuration> {
  const given = pick({ ...localFile(environment), ...environment });
  const problems = await problemsOf(given);
  const configuration = given as unknown as Configuration;
  problems.push(...unsafe(configuration));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.freeze(configuration);
}

function pick(environment: NodeJS.ProcessEnv): Record<string, string> {
  const known = Object.keys(Environment.properties);
  return Object.fromEntries(
    known.flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

function localFile(environment: NodeJS.ProcessEnv): Record<string, string> {
  if ((environment["ENVIRONMENT"] ?? "development") !== "development") return {};
  let text: string;
  try {
    text = readFileSync(".env.local", "utf8");
  } catch {
    return {};
  }
  const lines = text.split("\n").map((line) => /^\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((match) => (match?.[1] ? [[match[1], (match[2] ?? "").replace(/^(["'])(.*)\1$/, "$2")]] : [])),
  );
}

async function problemsOf(given: Record<string, string>): Promise<string[]> {
  const validate = await validatorOf(Environment, "settings");
  if (validate(given)) return [];
  return (validate.errors ?? []).map((error) => {
    const allowed = error.params["allowedValue"];
    return `${error.instancePath.slice(1) || "environment"} ${error.message ?? "is not valid"}${allowed === undefined ? "" : ` (${String(allowed)})`}`;
  });
}

function unsafe(configuration: Configuration): string[] {
  const origins = corsOrigins(configuration);
  const problems = issuerProblems(configuration);
  if (origins.includes("*")) problems.push("CORS_ORIGINS must name origins; `*` is never allowed with credentials");
  if (configuration.PLATFORM === "gcp" && configuration.GCP_PROJECT_ID === undefined)
    problems.push("GCP_PROJECT_ID is missing");
  if (configuration.ENVIRONMENT !== "production") return problems;
  const rootKey = configuration.CA_ROOT_API_KEY ?? "";
  if (rootKey.length < 32) problems.push("CA_ROOT_API_KEY must be set, with at least 32 characters");
  if (placeholders.some((word) => rootKey.toLowerCase().includes(word)))
    problems.push("CA_ROOT_API_KEY is a known placeholder");
  if (configuration.RATE_LIMIT_ENABLED !== "true") problems.push("RATE_LIMIT_ENABLED must be true");
  if (origins.some((origin) => origin !== "*" && !origin.startsWith("https://")))
    problems.push("CORS_ORIGINS must be https");
  if (configuration.CONSOLE_URL?.startsWith("https://") === false) problems.push("CONSOLE_URL must be https");
  if (configuration.PLATFORM === "gcp" && configuration.KMS_KEY_NAME === undefined)
    problems.push("KMS_KEY_NAME is missing");
  if (configuration.PLATFORM === "embedded") problems.push(...unsafeEmbedded(configuration));
  if (
    configuration.PLATFORM === "gcp" &&
    (configuration.PUSH_OIDC_AUDIENCE === undefined || configuration.PUSH_SERVICE_ACCOUNT === undefined)
  ) {
    problems.push(
      "PUSH_OIDC_AUDIENCE and PUSH_SERVICE_ACCOUNT are missing: topic functions could not tell who calls them",
    );
  }
  for (const name of ["CA_PROVIDER_SIMULATOR_URL", "BIGQUERY_ENDPOINT", "KMS_ENDPOINT", "STORAGE_ENDPOINT"] as const) {
    if (configuration[name] !== undefined) problems.push(`${name} must not be set in production`);
  }
  return problems;
}

function unsafeEmbedded(configuration: Configuration): string[] {
  try {
    const ring: unknown = JSON.parse(readFileSync(`${configuration.CA_DATA_DIR}/key-ring.json`, "utf8"));
    const isGenerated = typeof ring === "object" && ring !== null && "generated" in ring;
    return isGenerated
      ? ["the key ring is the generated development one; make your own before going to production"]
      : [];
  } catch {
    return ["there is no key ring: production does not generate one"];
  }
}

/** The origins that CORS answers. */
export function corsOrigins(configuration: Configuration): string[] {
  return configuration.CORS_ORIGINS.split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
}

/** Where the console's pages lie, without a slash at the end: `CONSOLE_URL`, by default this host's own. */
export function consoleUrl({ CONSOLE_URL, HOST, PORT }: Configuration): string {
  return (CONSOLE_URL ?? `http://${HOST === "0.0.0.0" ? "localhost" : HOST}:${PORT}/console`).replace(/\/+$/, "");
}

/** The header that carries the caller's own token: API Gateway puts its own into `Authorization` and moves the caller's. */
export function callerAuthorization(configuration: Configuration): "authorization" | "x-forwarded-authorization" {
  return configuration.PLATFORM === "gcp" ? "x-forwarded-authorization" : "authorization";
}

/** True where development-only endpoints exist (`organizations.md`, notation `dev`). */
export function isDevelopment(configuration: Configuration): boolean {
  return configuration.ENVIRONMENT === "development" || configuration.ENVIRONMENT === "test";
}
