import { gzipSync } from "node:zlib";
import { Ajv } from "ajv";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadFunctions } from "#scripts/start/functions.ts";
import { type Endpoint, endpointsOf, neededQuery, paramsOf, pathOf } from "./example-request.fixture.ts";
import { type RawAnswer, type RawCall, send } from "./raw-http.fixture.ts";
import { fieldsOf, wrongValues } from "./schema-fields.fixture.ts";
import { credentialFor, rootKey, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";

const endpoints = endpointsOf(await loadFunctions()).filter(({ declaration }) => !declaration.anyMethod);
const rows = (chosen: readonly Endpoint[]) =>
  chosen.map((endpoint) => ({ ...endpoint, row: `${endpoint.declaration.method} ${endpoint.template}` }));
const withBody = rows(
  endpoints.filter(({ declaration }) => declaration.method !== "GET" && declaration.fileBody === undefined),
);
const withParams = rows(endpoints.filter(({ template }) => paramsOf(template).length > 0));

/** Codes that every function may answer; the others are in its declaration. */
const commonCodes = new Set([
  "NOT_JSON",
  "INVALID_BODY",
  "INVALID_PARAMETER",
  "BODY_TOO_LARGE",
  "BODY_ENCODED",
  "NOT_FOUND",
  "ORG_NOT_FOUND",
  "ORG_MISMATCH",
  "IDEMPOTENCY_KEY_INVALID",
]);

let world: TwoOrganizations;
let before: string;

beforeAll(async () => {
  world = await startTwoOrganizations();
}, 120_000);

afterAll(() => world.stop());

beforeEach(() => {
  before = world.mirror.digest();
});

/** After every case: nothing was written, nobody's prototype grew. */
afterEach(() => {
  expect(world.mirror.digest()).toBe(before);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

/** A host that died fails whatever case comes next; this asks after the last case of a function. */
async function expectAlive(): Promise<void> {
  expect((await send(world.url, { method: "GET", path: "/health/ready" })).status).toBe(200);
}

/** Sends with the right credential to the tenant's own address, so that only the input is wrong. */
function sendTo(endpoint: Endpoint, call: Partial<RawCall> & { query?: string }): Promise<RawAnswer> {
  const { query, ...rest } = call;
  const path = call.path ?? pathOf(endpoint.template, world.alpha);
  const needed = call.path === undefined ? neededQuery(endpoint.declaration).slice(1) : "";
  const asked = [needed, query].filter((part) => part !== undefined && part !== "").join("&");
  return send(world.url, {
    method: endpoint.declaration.method,
    headers: { ...credentialFor(endpoint.declaration, world.alpha), ...call.headers },
    ...rest,
    path: asked === "" ? path : `${path}?${asked}`,
  });
}

/** The one shape of a refusal, and a code that the function declares. */
function expectRefusal(answer: RawAnswer, endpoint: Endpoint, what: string, status?: number): void {
  const { body, headers } = answer;
  const seen = `${endpoint.declaration.method} ${endpoint.template} with ${what}: ${answer.status} ${answer.text}`;
  expect(answer.status, seen).toBeGreaterThanOrEqual(400);
  expect(answer.status, seen).toBeLessThan(500);
  if (status !== undefined) expect(answer.status, seen).toBe(status);
  expect(headers["content-type"], seen).toBe("application/json; charset=utf-8");
  for (const member of ["error", "message", "error_id", "request_id", "detail"])
    expect(body[member], `${member} in ${seen}`).toEqual(expect.stringMatching(/./));
  expect(body["detail"], seen).toBe(body["message"]);
  expect(headers["x-request-id"], seen).toBe(body["request_id"]);
  const codes = [...commonCodes, ...(endpoint.declaration.errors ?? [])];
  expect(codes, seen).toContain(body["error"]);
}

/** A dry run answers bad values as findings; it refuses only what is not well-formed. */
function isAnsweredFinding(answer: RawAnswer, { name }: Endpoint): boolean {
  return name === "organization-dryrun" && answer.status === 200 && answer.body["status"] === "FAILED";
}

function fieldPaths({ body }: RawAnswer): string[] {
  return ((body["fields"] ?? []) as { path: string }[]).map(({ path }) => path);
}

const numbers = new Ajv({ strict: false, validateFormats: false });
const big = Buffer.alloc(2 * 1024 * 1024, 0x20);
const zipped = gzipSync("{}");
const bomb = gzipSync(big);
const nested = 10_000;
const notJson: [what: string, body: string | Buffer][] = [
  ["half an object", "{"],
  ["a missing value", '{"a":}'],
  ["a bare word", "nope"],
  ["single quotes", "{'a':1}"],
  ["two values", "{}{}"],
  ["a trailing comma", '{"a":1,}'],
  ["a comment", "{}//x"],
  ["NaN", '{"a":NaN}'],
  ["an open text", '{"a":"'],
  ["a raw control character in a text", '{"a":"\u0001"}'],
  ["a form", "a=1&b=2"],
  ["truncated UTF-8", Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xe2, 0x82, 0x22, 0x7d])],
  ["an overlong encoding", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ["an encoded surrogate", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ["UTF-16", Buffer.from("\ufeff{}", "utf16le")],
  ["10,000 nested lists", "[".repeat(nested) + "]".repeat(nested)],
  ["10,000 nested objects", `${'{"a":'.repeat(nested)}1${"}".repeat(nested)}`],
  ["10,000 open brackets", `{"a":${"[".repeat(nested)}`],
];
const notAnObject = ["null", "true", "12", '"text"', "[]", "[{}]", "1e400", "-0"];

describe.each(withBody)("the body of $row", (endpoint) => {
  afterAll(expectAlive);

  it.each(notJson)("is refused as %s", async (what, body) => {
    expectRefusal(await sendTo(endpoint, { body }), endpoint, what, 400);
  });

  it.each(notAnObject)("is refused as %s", async (body) => {
    expectRefusal(await sendTo(endpoint, { body }), endpoint, body, 422);
  });

  it("is refused above its limit, with and without its length", async () => {
    const { bodyBytes } = endpoint.declaration;
    const body = bodyBytes === undefined ? big : Buffer.alloc(bodyBytes + 1, 0x20);
    expectRefusal(await sendTo(endpoint, { body }), endpoint, "a large body", 413);
    expectRefusal(await sendTo(endpoint, { body, chunked: true }), endpoint, "a large body in chunks", 413);
  });

  it("is refused when encoded", async () => {
    for (const encoding of ["gzip", "GZIP", "deflate", "br", "gzip, identity"]) {
      const headers = { "content-encoding": encoding, ...credentialFor(endpoint.declaration, world.alpha) };
      expectRefusal(await sendTo(endpoint, { body: zipped, headers }), endpoint, encoding, 415);
      expectRefusal(await sendTo(endpoint, { body: bomb, headers }), endpoint, `bomb in ${encoding}`, 415);
    }
  });

  it("is refused with members that nobody declared, naming each", async () => {
    const names = [
      "no_such_field",
      "__proto__",
      "constructor",
      "prototype",
      "toString",
      "org",
      "orgId",
      "role",
      "\ud800",
    ];
    for (const name of names) {
      for (const value of ["1", "{}", '{"x":{"isAdmin":true}}', "[[[1]]]"]) {
        const answer = await sendTo(endpoint, { body: `{${JSON.stringify(name)}:${value}}` });

        expectRefusal(answer, endpoint, `${name}: ${value}`, 422);
        expect(fieldPaths(answer), answer.text).toContain(`/${name}`);
      }
    }
  });

  it("is refused with a value of a wrong type, naming the field", async () => {
    for (const field of fieldsOf(endpoint.declaration.body)) {
      for (const value of wrongValues(field)) {
        const answer = await sendTo(endpoint, { body: JSON.stringify({ [field.name]: value }) });

        expectRefusal(answer, endpoint, `${field.name}: ${JSON.stringify(value)}`, 422);
        const known = [field.name, ...((field.schema["alsoAs"] as string[] | undefined) ?? [])];
        const named = fieldPaths(answer).map((path) => path.split("/")[1] ?? "");
        expect(
          named.some((name) => known.includes(name) || isRenamed(name, endpoint, field.name)),
          answer.text,
        ).toBe(true);
      }
    }
  });

  it("is refused with numbers that are none", async () => {
    for (const { name, types, schema } of fieldsOf(endpoint.declaration.body)) {
      for (const number of ["1e400", "-1e400", "1.5", "-1", "99999999999999999999", "-0"]) {
        // A price of 1.5 is one.
        if (types.has("number") && numbers.validate(schema, JSON.parse(number))) continue;
        const answer = await sendTo(endpoint, { body: `{"${name}":${number}}` });

        expectRefusal(answer, endpoint, `${name}: ${number} (${[...types].join("|")})`, 422);
      }
    }
  });

  it("is refused with NUL, half characters and control characters in any text", async () => {
    for (const { name, types } of fieldsOf(endpoint.declaration.body)) {
      if (!types.has("string")) continue;
      for (const text of [
        "a\u0000b",
        "\ud800",
        "x\udfff",
        "a\u0007b",
        "a\u001b[31m",
        "\r\nx: y",
        "\u202eab",
        "\u0085",
      ]) {
        const answer = await sendTo(endpoint, { body: JSON.stringify({ ...example(endpoint), [name]: text }) });

        if (isAnsweredFinding(answer, endpoint) && !/[\0\ud800-\udfff]/.test(text)) continue;
        expectRefusal(answer, endpoint, `${name}: ${JSON.stringify(text)}`);
      }
    }
  });

  it("is refused with a text longer than any field takes", async () => {
    for (const { name, types } of fieldsOf(endpoint.declaration.body)) {
      if (!types.has("string")) continue;
      const answer = await sendTo(endpoint, {
        body: JSON.stringify({ ...example(endpoint), [name]: "x".repeat(100_000) }),
      });

      expectRefusal(answer, endpoint, `${name} of 100,000 characters`);
    }
  });

  it("is refused with machinery deep inside what is taken as an object", async () => {
    for (const { name, types } of fieldsOf(endpoint.declaration.body)) {
      if (!types.has("object")) continue;
      const insides = [
        '{"__proto__":{"isAdmin":true}}',
        '{"constructor":{"prototype":{"isAdmin":true}}}',
        '{"a":1e400}',
      ];
      for (const inside of insides) {
        const members = Object.entries(example(endpoint)).filter(([member]) => member !== name);
        const texts = members.map(([member, value]) => `${JSON.stringify(member)}:${JSON.stringify(value)}`);
        const answer = await sendTo(endpoint, { body: `{${[...texts, `"${name}":${inside}`].join(",")}}` });

        expectRefusal(answer, endpoint, `${name}: ${inside}`);
      }
    }
  });
});

/** An older name is reported under the name it was renamed to. */
function isRenamed(reported: string, { declaration }: Endpoint, sent: string): boolean {
  const properties = (declaration.body?.["properties"] ?? {}) as Record<string, { alsoAs?: string[] }>;
  return properties[reported]?.alsoAs?.includes(sent) ?? false;
}

/** Right values for the required members, so that the one wrong value alone decides. */
function example({ declaration }: Endpoint): Record<string, unknown> {
  const right: Record<string, unknown> = {
    org_slug: "gamma_org",
    company_name: "Gamma",
    email: "a@example.com",
    scopes: ["costs:read"],
    admin_email: "a@example.com",
    amount: "1.5",
    currency: "USD",
    role: "viewer",
    closed_months: "adjust",
    credential: "sk-admin-sim-nobodyhere",
    effective_date: "2026-08-01",
    values: [{ day: "2026-07-01", quantity: "1" }],
  };
  const properties = (declaration.body?.["properties"] ?? {}) as Record<string, { default?: unknown }>;
  // What has a default counts as required too.
  const required = (declaration.body?.["required"] ?? []) as string[];
  return Object.fromEntries(required.map((name) => [name, right[name] ?? properties[name]?.default ?? "example"]));
}

describe.each(rows(endpoints))("the query of $row", (endpoint) => {
  afterAll(expectAlive);

  const isQuery = (answer: RawAnswer, what: string): void => expectRefusal(answer, endpoint, what, 400);
  const fields = fieldsOf(endpoint.declaration.query);

  it("is refused with names that nobody declared, naming each", async () => {
    for (const name of [
      "no_such_parameter",
      "__proto__",
      "constructor",
      "toString",
      "a[b]",
      "a.b",
      "limit%00",
      "%F0%9F%98%80",
    ]) {
      const answer = await sendTo(endpoint, { query: `${name}=1` });

      isQuery(answer, name);
      expect(fieldPaths(answer)).toContain(`/${decodeURIComponent(name)}`);
    }
  });

  it("is refused above 8 KiB, and taken below however its characters are encoded", async () => {
    isQuery(await sendTo(endpoint, { query: `x=${"a".repeat(9_216)}` }), "9 KiB");
    isQuery(await sendTo(endpoint, { query: "a=1&".repeat(2_304) }), "9 KiB of pairs");
    const answer = await sendTo(endpoint, { query: `x=${"/".repeat(4_000)}` });
    isQuery(answer, "4 KiB of slashes");
    expect(fieldPaths(answer)).toEqual(["/x"]);
  });

  it("is refused with a parameter given twice", async () => {
    for (const { name, schema } of fields) {
      const query = `${name}=1&${name}=2`;
      const isList = schema["type"] === "array";
      const answer = await sendTo(endpoint, { query: isList ? `${query}&no_such_parameter=1` : query });

      isQuery(answer, query);
    }
  });

  it("is refused with values that are none, whole or in part", async () => {
    for (const { name, schema } of fields) {
      for (const value of ["%00", "a%00b", ...wrongTexts(schema)]) {
        const body = endpoint.declaration.method === "GET" ? {} : { body: "{}" };
        isQuery(await sendTo(endpoint, { query: `${name}=${value}`, ...body }), `${name}=${value}`);
      }
    }
  });
});

/** Query texts that the schema of a parameter does not take. */
function wrongTexts(schema: Readonly<Record<string, unknown>>): string[] {
  if (schema["type"] === "integer")
    return ["ten", "1.5", "1e400", "NaN", "Infinity", "0x10", "-1", "%F0%9F%98%80", "+"];
  if (schema["type"] === "boolean") return ["maybe", "2", "TRUE%20"];
  if (schema["enum"] !== undefined) return ["nonsense", "__proto__", "constructor", "%20"];
  return [];
}

const segments: [what: string, segment: string][] = [
  ["NUL", "%00"],
  ["NUL inside", "alpha%00org"],
  ["two dots", ".."],
  ["encoded dots", "%2e%2e"],
  ["mixed dots", "%2e."],
  ["one dot", "."],
  ["an encoded slash", "a%2Fb"],
  ["encoded way up", "..%2f..%2fsecrets"],
  ["a backslash", "..%5C.."],
  ["half a percent", "%"],
  ["a wrong percent", "%zz"],
  ["truncated UTF-8", "%E2%82"],
  ["an overlong encoding", "%C0%AE"],
  ["an encoded surrogate", "%ED%A0%80"],
  ["a line break", "a%0d%0aset-cookie:%20a=b"],
  ["a space", "%20"],
  ["machinery", "__proto__"],
  ["a constructor", "constructor"],
  ["a method of every object", "hasOwnProperty"],
  ["the store's reserved form", "__x__"],
  ["an emoji", "%F0%9F%98%80"],
  ["200 characters", "a".repeat(200)],
  ["2,000 characters", "a".repeat(2_000)],
  ["2,001 characters", "a".repeat(2_001)],
  ["8,000 characters", "a".repeat(8_000)],
  ["quotes", "'%22%60;--"],
  ["a template", "%7Borg%7D"],
  ["a star", "*"],
];

describe.each(withParams)("the path of $row", (endpoint) => {
  afterAll(expectAlive);

  const names = paramsOf(endpoint.template);

  it.each(segments)("is refused with %s in any parameter", async (what, segment) => {
    for (const name of names) {
      const path = pathOf(endpoint.template, world.alpha, { [name]: segment }) + neededQuery(endpoint.declaration);
      const body = endpoint.declaration.method === "GET" ? {} : { body: JSON.stringify(example(endpoint)) };
      for (const headers of [credentialFor(endpoint.declaration, world.alpha), { "x-ca-root-key": rootKey }]) {
        const answer = await sendTo(endpoint, { path, ...body, headers });

        if (answer.body["error"] === "FORBIDDEN") continue;
        expectRefusal(answer, endpoint, `${what} as ${name}`);
        expect([403, 404], answer.text).toContain(answer.status);
      }
    }
  });
});

describe("addresses that nothing answers", () => {
  afterAll(expectAlive);

  it.each([
    "/",
    "//",
    "/api",
    "/api/v1/",
    "/%",
    "/%zz",
    "/..",
    "/../etc/passwd",
    "/api/v1/%2e%2e/health",
    "/health/",
    "/HEALTH",
    "/health;x",
    "/health%00",
    "/*",
    "/robots.txt",
    "/favicon.ico",
    `/${"a".repeat(8_000)}`,
    "/api/v1/__proto__",
    "http://evil.example.com/health",
    "*",
  ])("%s is 404 in the one shape", async (path) => {
    const answer = await send(world.url, { method: "GET", path });

    expect([answer.status, answer.body["error"]], answer.text).toEqual([404, "NOT_FOUND"]);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  });
});

describe("credentials that are none", () => {
  afterAll(expectAlive);

  const path = "/api/v1/organizations/alpha_org/quota";

  it("are refused with 401 without a look into the store when their form is wrong", async () => {
    const { apiKey } = world.alpha;
    const texts = [
      "",
      " ",
      `${apiKey} `,
      apiKey.toUpperCase(),
      `${apiKey},`,
      `Bearer ${apiKey}`,
      `"${apiKey}"`,
      "\u00e9".repeat(40),
      "a".repeat(8_000),
      "null",
      "undefined",
      "*",
      `${apiKey}${apiKey}`,
    ];
    for (const name of ["x-api-key", "x-ca-root-key"]) {
      for (const text of texts) {
        // Blanks around a header's value are no part of it.
        if (text.trim() === apiKey && name === "x-api-key") continue;
        const answer = await send(world.url, { method: "GET", path, headers: { [name]: text } });
        expect([answer.status, answer.body["error"]], `${name}: ${text}`).toEqual([401, "UNAUTHENTICATED"]);
      }
    }
  });

  it("are taken from headers only", async () => {
    const { apiKey } = world.alpha;
    for (const call of [
      { path: `${path}?api_key=${apiKey}` },
      { path: `${path}?x-api-key=${apiKey}` },
      { path, headers: { cookie: `x-api-key=${apiKey}` } },
      { path, headers: { authorization: `Bearer ${apiKey}` } },
      { path, headers: { "x-user-id": "root", "x-forwarded-user": "root", "x-original-url": "/health" } },
    ])
      expect((await send(world.url, { method: "GET", ...call })).status).toBe(401);
  });
});
