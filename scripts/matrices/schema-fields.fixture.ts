import type { TSchema } from "@sinclair/typebox";

type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

/** A top-level member of a body or a query. */
export interface Field {
  name: string;
  schema: TSchema;
  types: ReadonlySet<JsonType>;
}

/** One value of each JSON type. */
const samples: Readonly<Record<JsonType, unknown>> = {
  null: null,
  boolean: true,
  number: 12.5,
  string: "text",
  array: [],
  object: {},
};
const everyType = Object.keys(samples) as JsonType[];

/** The members that a schema declares, by their names and by those of older clients. */
export function fieldsOf(schema: TSchema | undefined): Field[] {
  const properties = Object.entries((schema?.["properties"] ?? {}) as Record<string, TSchema>);
  return properties.flatMap(([name, property]) => {
    const older = (property["alsoAs"] as string[] | undefined) ?? [];
    return [name, ...older].map((each) => ({ name: each, schema: property, types: typesOf(property) }));
  });
}

/** Values of the JSON types that the field does not take; none for a field that takes everything. */
export function wrongValues({ types }: Field): unknown[] {
  return everyType.filter((type) => !types.has(type)).map((type) => samples[type]);
}

function typesOf(schema: TSchema): Set<JsonType> {
  const branches = schema["anyOf"] as TSchema[] | undefined;
  if (branches !== undefined) return new Set(branches.flatMap((branch) => [...typesOf(branch)]));
  if ("const" in schema) return new Set([typeOf(schema["const"])]);
  const type: unknown = schema["type"];
  if (typeof type !== "string") return new Set(everyType);
  return new Set([type === "integer" ? "number" : (type as JsonType)]);
}

function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : (typeof value as JsonType);
}
