import type { TSchema } from "@sinclair/typebox";
import type { Access } from "#shared/access/caller.ts";
import type { Route } from "./catalogue.ts";
import type { AnyFunction, AnyHttpDeclaration } from "./declaration.ts";

/** Every route of the endpoints, aliases included. */
export function routesOf(functions: Readonly<Record<string, AnyFunction>>): Route[] {
  return Object.entries(functions).flatMap(([functionName, fn]) => {
    if (fn.kind !== "http" || fn.declaration.anyMethod) return [];
    const { method, path, aliases, fileBody, bodyBytes } = fn.declaration;
    const bytes = fileBody?.maximumBytes ?? bodyBytes;
    const limit = bytes === undefined ? {} : { bodyLimitBytes: bytes };
    return [path, ...(aliases ?? [])].map((template) => ({ functionName, method, path: template, ...limit }));
  });
}

/** The OpenAPI 3.1 document of the endpoints: made from the same declarations that the runtime enforces. */
export function openapiOf(functions: Readonly<Record<string, AnyFunction>>, version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routesOf(functions)) {
    const fn = functions[route.functionName];
    if (fn?.kind !== "http") continue;
    const item = paths[route.path] ?? {};
    item[route.method.toLowerCase()] = operation(route, fn.declaration);
    paths[route.path] = item;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Cost Atlas",
      version,
      description: "What GenAI, cloud and SaaS spend really is.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: { securitySchemes, schemas: { Error: errorSchema } },
  };
}

const securitySchemes = {
  rootKey: { type: "apiKey", in: "header", name: "X-CA-Root-Key" },
  orgKey: { type: "apiKey", in: "header", name: "X-API-Key" },
  session: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-ca_session",
    description: "A signed-in person's browser; what changes something also needs X-CSRF-Token",
  },
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "An access token of /api/v1/auth/token" },
};

const errorSchema = {
  type: "object",
  required: ["error", "message", "error_id", "request_id", "detail"],
  properties: {
    error: { type: "string", description: "Code to act on" },
    message: { type: "string" },
    error_id: { type: "string", description: "Names the log line" },
    request_id: { type: "string" },
    detail: { type: "string", description: "Same text as message" },
    fields: {
      type: "array",
      items: { type: "object", properties: { path: { type: "string" }, problem: { type: "string" } } },
    },
  },
};

function operation(route: Route, declaration: AnyHttpDeclaration): Record<string, unknown> {
  const isAlias = route.path !== declaration.path;
  const { contentType } = declaration;
  const success = {
    description: "Success",
    content: { [contentType ?? "application/json"]: { schema: plain(declaration.response) } },
  };
  return {
    operationId: isAlias ? `${route.functionName}--${route.path.replace(/[^A-Za-z0-9]+/g, "-")}` : route.functionName,
    summary: declaration.summary,
    ...(isAlias ? { deprecated: true } : {}),
    security: securityOf(declaration.access),
    parameters: parametersOf(route, declaration),
    ...requestBodyOf(declaration),
    responses: {
      ...Object.fromEntries((declaration.statuses ?? [200]).map((status) => [String(status), success])),
      default: {
        description: `Error${declaration.errors === undefined ? "" : `; beyond the common ones: ${declaration.errors.join(", ")}`}`,
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function requestBodyOf({ body, fileBody }: AnyHttpDeclaration): Record<string, unknown> {
  if (fileBody !== undefined) return { requestBody: { required: true, content: { "application/octet-stream": {} } } };
  if (body === undefined) return {};
  return { requestBody: { content: { "application/json": { schema: plain(body) } } } };
}

function parametersOf(route: Route, declaration: AnyHttpDeclaration): unknown[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => ({
    name: match[1],
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const properties = (declaration.query?.["properties"] ?? {}) as Record<string, TSchema>;
  const required = new Set((declaration.query?.["required"] as string[] | undefined) ?? []);
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.has(name),
    schema: plain(schema),
  }));
  const idempotency =
    declaration.handle === undefined
      ? [{ name: "Idempotency-Key", in: "header", required: false, schema: { type: "string", maxLength: 255 } }]
      : [];
  return [...inPath, ...inQuery, ...idempotency];
}

function securityOf(access: Access): unknown[] {
  if (access.kind === "public") return [];
  if (access.kind === "root") return [{ rootKey: [] }];
  const person = [{ session: [] }, { bearer: [] }];
  if (access.kind === "session") return person;
  if (access.kind === "any") return [{ rootKey: [] }, { orgKey: [] }, ...person];
  return [...(access.peopleOnly ? [] : [{ orgKey: [] }]), ...person, ...(access.root ? [{ rootKey: [] }] : [])];
}

/** The schema without our own annotations. */
function plain(schema: TSchema): unknown {
  return JSON.parse(
    JSON.stringify(schema, (name, value: unknown) => (name === "anyCase" || name === "alsoAs" ? undefined : value)),
  );
}
