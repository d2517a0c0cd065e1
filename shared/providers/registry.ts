import { Ajv, type ErrorObject } from "ajv";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { type ProviderEntry, ProviderFacts } from "./registry-schema.ts";

/** The providers the platform knows; the only source of hosts, limits and defaults. */
export interface Registry {
  entries(): readonly ProviderEntry[];
  /** By slug or alias in any case. Throws `UNKNOWN_PROVIDER`. */
  provider(name: string): ProviderEntry;
  /** True when the trimmed secret has the form the provider's secrets have; nothing is sent anywhere. */
  acceptsShape(entry: ProviderEntry, secret: string): boolean;
}

/**
 * Checks the content of `configs/system/providers.yml` and indexes it. Throws `CONFIG_FILE_INVALID` whose `fields` list
 * every fault with its JSON pointer.
 */
export function providerRegistry(content: unknown): Registry {
  const facts = structuredClone(content);
  const faults = schemaFaults(facts);
  if (faults.length > 0) throw invalid(faults);
  const entries = Object.entries(facts as Record<string, ProviderFacts>).map(([slug, entry]) =>
    Object.freeze({ ...entry, slug }),
  );
  const byName = new Map<string, ProviderEntry>();
  const further = entries.flatMap((entry) => [...entryFaults(entry), ...nameFaults(entry, byName)]);
  if (further.length > 0) throw invalid(further);
  return {
    entries: () => entries,
    provider: (name) => {
      const entry = byName.get(name.toLowerCase());
      if (!entry) throw new AppError("UNKNOWN_PROVIDER", "This provider is not known.");
      return entry;
    },
    acceptsShape: ({ credential }, secret) =>
      Buffer.byteLength(secret) <= credential.max_bytes &&
      (credential.shape === undefined || new RegExp(credential.shape, "u").test(secret)),
  };
}

function schemaFaults(facts: unknown): FieldProblem[] {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true });
  const validate = ajv.compile({
    type: "object",
    minProperties: 1,
    additionalProperties: ProviderFacts,
    propertyNames: { pattern: "^[a-z][a-z0-9_]{0,49}$" },
  });
  if (validate(facts)) return [];
  return (validate.errors ?? []).map(fieldProblem);
}

function fieldProblem({ instancePath, keyword, params, message }: ErrorObject): FieldProblem {
  const property: unknown = params["additionalProperty"] ?? params["missingProperty"];
  const path = typeof property === "string" ? `${instancePath}/${property}` : instancePath || "/";
  return { path, problem: keyword === "additionalProperties" ? "unknown field" : (message ?? keyword) };
}

function entryFaults(entry: ProviderEntry): FieldProblem[] {
  const faults: FieldProblem[] = [];
  const at = (field: string, problem: string) => faults.push({ path: `/${entry.slug}/${field}`, problem });
  if (entry.base_url && !entry.allowed_hosts.includes(new URL(entry.base_url).hostname))
    at("base_url", "its host is not in allowed_hosts");
  if (entry.credential.shape !== undefined && !isPattern(entry.credential.shape))
    at("credential/shape", "not a regular expression");
  if (entry.credential.kind === "api_key" && !entry.credential.shape)
    at("credential/shape", "an API key needs a shape");
  if (entry.phase !== "later" && entry.pipelines.length === 0) at("pipelines", "a provider in use has a pipeline");
  for (const [pipeline, needed] of Object.entries(entry.needed_capabilities)) {
    if (!entry.pipelines.includes(pipeline))
      at(`needed_capabilities/${pipeline.replaceAll("/", "~1")}`, "no such pipeline");
    const missing = needed.filter((name) => !entry.capabilities.includes(name));
    if (missing.length > 0)
      at(`needed_capabilities/${pipeline.replaceAll("/", "~1")}`, `not among capabilities: ${missing.join(", ")}`);
  }
  return faults;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}

function nameFaults(entry: ProviderEntry, byName: Map<string, ProviderEntry>): FieldProblem[] {
  const faults: FieldProblem[] = [];
  for (const name of [entry.slug, ...entry.aliases]) {
    const other = byName.get(name);
    if (other) faults.push({ path: `/${entry.slug}/aliases`, problem: `"${name}" also names ${other.slug}` });
    else byName.set(name, entry);
  }
  return faults;
}

function invalid(faults: readonly FieldProblem[]): AppError {
  const list = faults.map(({ path, problem }) => `${path}: ${problem}`).join("\n");
  return new AppError("CONFIG_FILE_INVALID", `configs/system/providers.yml is not usable:\n${list}`, {
    fields: faults,
  });
}
