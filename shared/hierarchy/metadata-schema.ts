import { Ajv } from "ajv";
import { AppError } from "#shared/runtime/errors.ts";
import type { HierarchyLevel } from "./default-levels.ts";
import { invalidField, type Metadata } from "./entity.ts";

const maximumBytes = 10 * 1024;
const scalars: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "null"]);
/** Keywords of a property that need neither a regular expression nor another document. */
const propertyKeywords: ReadonlySet<string> = new Set([
  ...["type", "enum", "const", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum"],
  ...["exclusiveMaximum", "multipleOf", "title", "description", "default"],
]);
const schemaKeywords: ReadonlySet<string> = new Set([
  ...["$schema", "type", "properties", "required", "additionalProperties", "title", "description"],
]);

/**
 * Refuses what is no JSON Schema of scalars: an object of properties whose rules cost no more than the value is long.
 * Throws `INVALID_BODY`.
 */
export function checkedMetadataSchema(schema: Record<string, unknown> | null | undefined): void {
  if (schema == null) return;
  if (Buffer.byteLength(JSON.stringify(schema)) > maximumBytes) throw refused("is larger than 10 KB");
  const unknown = Object.keys(schema).find((keyword) => !schemaKeywords.has(keyword));
  if (unknown !== undefined) throw refused(`must not use ${unknown}`);
  if (schema["type"] !== undefined && schema["type"] !== "object") throw refused("must describe an object");
  const properties = schema["properties"] ?? {};
  if (!isRecord(properties)) throw refused("has properties that are no object");
  for (const [name, property] of Object.entries(properties)) refuseProperty(name, property);
  try {
    new Ajv({ strict: false, validateSchema: true }).compile(schema);
  } catch (cause) {
    throw new AppError("INVALID_BODY", "metadata_schema is no JSON Schema.", {
      fields: [{ path: "/metadata_schema", problem: "is no JSON Schema" }],
      cause,
    });
  }
}

function refuseProperty(name: string, property: unknown): void {
  if (!isRecord(property)) throw refused(`describes ${name} by no object`);
  const unknown = Object.keys(property).find((keyword) => !propertyKeywords.has(keyword));
  if (unknown !== undefined) throw refused(`must not use ${unknown} at ${name}`);
  const types = [property["type"] ?? []].flat();
  if (types.some((type) => typeof type !== "string" || !scalars.has(type))) throw refused(`must make ${name} a scalar`);
}

function refused(problem: string): AppError {
  return invalidField("/metadata_schema", problem);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What of an entity's metadata breaks its level's schema; undefined when nothing does. */
export function metadataProblem(
  level: HierarchyLevel | undefined,
  metadata: Metadata | null,
): { path: string; problem: string } | undefined {
  const schema = level?.metadataSchema;
  if (schema == null) return undefined;
  const validate = new Ajv({ strict: false, validateSchema: false }).compile(schema);
  if (validate(metadata ?? {})) return undefined;
  const [error] = validate.errors ?? [];
  return {
    path: `/metadata${error?.instancePath ?? ""}`,
    problem: error?.message ?? "does not fit the level's schema",
  };
}

/** Throws `INVALID_BODY` naming the member of the metadata that breaks its level's schema. */
export function refuseMetadata(level: HierarchyLevel | undefined, metadata: Metadata | null): void {
  const found = metadataProblem(level, metadata);
  if (found !== undefined) throw invalidField(found.path, found.problem);
}
