import { type ObjectOptions, type Static, type TObject, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import type { ErrorObject } from "ajv";
import { AppError, type FieldProblem } from "./errors.ts";
import { validatorOf } from "./validators.ts";

/** An object that refuses unknown members. */
export function strictObject<T extends TProperties>(properties: T, options: ObjectOptions = {}): TObject<T> {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** Enumeration accepted in any case, answered in its canonical case. */
export function choice<const T extends string>(values: readonly T[], options: Record<string, unknown> = {}) {
  return Type.Unsafe<T>(Type.String({ enum: values, anyCase: true, ...options }));
}

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** Text as people type it: no control or bidi-override characters. */
export function plainText(minLength: number, maxLength: number, options: Record<string, unknown> = {}) {
  return Type.String({ minLength, maxLength, format: "plain-text", ...options });
}

/** Query parameters of a list that is answered in pages. */
export function paging({ most = 500, standard = 50 } = {}) {
  return {
    limit: Type.Integer({ minimum: 1, maximum: most, default: standard }),
    cursor: Type.Optional(Type.String({ maxLength: 1000, description: "`next_cursor` of the page before" })),
  };
}

/** What takes nothing: a query or body that a declaration does not mention. */
export const nothing: TSchema = strictObject({});

/** The body as its schema describes it; 422 `INVALID_BODY` names every problem. Older names (`alsoAs`) are renamed first. */
export async function validBody<T extends TSchema>(schema: T, body: unknown): Promise<Static<T>> {
  const problems: FieldProblem[] = [];
  const renamed = canonical(schema, body, "", problems);
  const validate = await validatorOf(schema, "request");
  if (!validate(renamed)) problems.push(...fieldProblems(validate.errors));
  problems.push(...unstorable(renamed, ""));
  if (problems.length > 0)
    throw new AppError("INVALID_BODY", summary("The body is not valid", problems), { fields: problems });
  return renamed as Static<T>;
}

/**
 * The query parameters as their schema describes them; 400 `INVALID_PARAMETER` names every problem, unknown names too.
 * A parameter whose schema is an array takes comma separated or repeated values; an empty list counts as absent.
 */
export async function validQuery<T extends TSchema>(schema: T, query: URLSearchParams): Promise<Static<T>> {
  const problems: FieldProblem[] = [];
  const given: Record<string, unknown> = Object.create(null);
  const lists = listNames(schema);
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    if (lists.has(name)) {
      const items = values.flatMap((value) => value.split(",")).filter((item) => item !== "");
      if (items.length > 0) given[name] = items;
      continue;
    }
    if (values.length > 1) problems.push({ path: `/${name}`, problem: "must be given once" });
    given[name] = values[0] ?? "";
  }
  const renamed = typed(schema, canonical(schema, given, "", problems));
  const validate = await validatorOf(schema, "request");
  if (!validate(renamed)) problems.push(...fieldProblems(validate.errors));
  problems.push(...unstorable(renamed, ""));
  if (problems.length > 0)
    throw new AppError("INVALID_PARAMETER", summary("A query parameter is not valid", problems), { fields: problems });
  return renamed as Static<T>;
}

function listNames(schema: TSchema): Set<string> {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, TSchema>);
  const lists = properties.filter(([, property]) => property["type"] === "array");
  return new Set(lists.flatMap(([name, property]) => [name, ...((property["alsoAs"] as string[] | undefined) ?? [])]));
}

/** What of an answer does not fit its declared schema. */
export async function responseProblems(schema: TSchema, body: unknown): Promise<FieldProblem[]> {
  const validate = await validatorOf(schema, "answer");
  return validate(body) ? [] : fieldProblems(validate.errors);
}

function summary(start: string, problems: readonly FieldProblem[]): string {
  const first = problems[0];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see fields)` : "";
  return `${start}: ${first?.path || "/"} ${first?.problem}${more}.`;
}

function fieldProblems(errors: readonly ErrorObject[] | null | undefined): FieldProblem[] {
  // A failed union reports every branch; the branches' own "must be null" only confuses.
  const telling = (errors ?? []).filter((error) => !(error.keyword === "type" && error.params["type"] === "null"));
  return telling.filter((error) => error.keyword !== "anyOf" || telling.length === 1).map(problemOf);
}

function problemOf(error: ErrorObject): FieldProblem {
  const { keyword, params, instancePath } = error;
  if (keyword === "additionalProperties")
    return { path: `${instancePath}/${params["additionalProperty"]}`, problem: "is unknown" };
  if (keyword === "required") return { path: `${instancePath}/${params["missingProperty"]}`, problem: "is required" };
  if (keyword === "enum")
    return { path: instancePath, problem: `must be one of ${(params["allowedValues"] as string[]).join(", ")}` };
  if (keyword === "format" && params["format"] === "plain-text")
    return { path: instancePath, problem: "must not hold control characters" };
  return { path: instancePath, problem: error.message ?? "is not valid" };
}

/** Renames older field names and folds the case of enumerations, following the schema's annotations. */
function canonical(schema: TSchema, value: unknown, path: string, problems: FieldProblem[]): unknown {
  if (schema["anyCase"] === true && typeof value === "string") {
    const values = schema["enum"] as string[];
    return values.find((candidate) => candidate.toLowerCase() === value.toLowerCase()) ?? value;
  }
  if (Array.isArray(value) && isRecord(schema["items"])) {
    const item = schema["items"] as unknown as TSchema;
    return value.map((each, index) => canonical(item, each, `${path}/${index}`, problems));
  }
  if (!isRecord(value) || !isRecord(schema["properties"])) return value;
  const properties = schema["properties"] as Record<string, TSchema>;
  const renamed: Record<string, unknown> = Object.assign(Object.create(null), value);
  for (const [name, property] of Object.entries(properties)) {
    for (const older of (property["alsoAs"] as string[] | undefined) ?? []) {
      if (!(older in renamed)) continue;
      if (name in renamed && JSON.stringify(renamed[name]) !== JSON.stringify(renamed[older])) {
        problems.push({ path: `${path}/${older}`, problem: `contradicts ${name}` });
      }
      renamed[name] = renamed[older];
      delete renamed[older];
    }
    if (name in renamed) renamed[name] = canonical(property, renamed[name], `${path}/${name}`, problems);
  }
  return renamed;
}

/**
 * What arrives as text in a query becomes a number or a boolean where the schema wants one and the text is plainly one;
 * anything else stays text and is refused as such: `0x10`, `1e3` and `yes` mean different things to different readers.
 */
function typed(schema: TSchema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => typed((schema["items"] ?? {}) as TSchema, item));
  if (isRecord(value)) {
    const properties = (schema["properties"] ?? {}) as Record<string, TSchema>;
    for (const [name, property] of Object.entries(properties))
      if (name in value) value[name] = typed(property, value[name]);
    return value;
  }
  const branches = (schema["anyOf"] as TSchema[] | undefined) ?? [schema];
  const types = new Set(branches.map((branch) => branch["type"] as unknown));
  if (typeof value !== "string" || types.has("string")) return value;
  if (types.has("boolean") && (value === "true" || value === "false")) return value === "true";
  const isNumber = types.has("number") && /^-?\d{1,15}(\.\d{1,15})?$/.test(value);
  const isInteger = types.has("integer") && /^-?\d{1,15}$/.test(value);
  return isNumber || isInteger ? Number(value) : value;
}

/** False for a value that holds what can be stored nowhere. */
export function isStorable(value: unknown): boolean {
  return unstorable(value, "").length === 0;
}

/** NUL, lone surrogates and numbers beyond every range can be stored nowhere, whatever the field. */
function unstorable(value: unknown, path: string): FieldProblem[] {
  if (typeof value === "number" && !Number.isFinite(value)) return [{ path, problem: "is out of range" }];
  if (typeof value === "string") {
    return value.includes("\0") || /\p{Cs}/u.test(value)
      ? [{ path, problem: "must not hold NUL or half characters" }]
      : [];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => unstorable(item, `${path}/${index}`));
  if (isRecord(value))
    return Object.entries(value).flatMap(([name, item]) => [
      ...unstorable(name, path),
      ...unstorable(item, `${path}/${name}`),
    ]);
  return [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
