import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFunctions } from "#scripts/start/functions.ts";
import { type Endpoint, endpointsOf, neededQuery, paramsOf, pathOf } from "./example-request.fixture.ts";
import { type RawAnswer, type RawCall, send } from "./raw-http.fixture.ts";
import { credentialFor, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";

const endpoints = endpointsOf(await loadFunctions()).filter(({ declaration }) => !declaration.anyMethod);
const rows = endpoints.map((endpoint) => ({ ...endpoint, row: `${endpoint.declaration.method} ${endpoint.template}` }));
const reads = rows.filter(({ declaration }) => declaration.method === "GET");
const templates = [...new Set(endpoints.map(({ template }) => template))];
const origin = "https://console.example.com";

interface Operation {
  operationId: string;
  security: Record<string, unknown>[];
  parameters: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

let world: TwoOrganizations;
let document: { paths: Record<string, Record<string, Operation>>; components: { schemas: { Error: object } } };

beforeAll(async () => {
  world = await startTwoOrganizations({ RATE_LIMIT_ENABLED: "true", CORS_ORIGINS: `${origin}, https://b.example.com` });
  document = (await get("/openapi.json")).body as unknown as typeof document;
}, 120_000);

afterAll(() => world.stop());

function get(path: string, headers: RawCall["headers"] = {}): Promise<RawAnswer> {
  return send(world.url, { method: "GET", path, headers });
}

function operationOf({ template, declaration }: Endpoint): Operation | undefined {
  return document.paths[template]?.[declaration.method.toLowerCase()];
}

function problemsOf(schema: object, value: unknown): string[] {
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
  const validate = ajv.compile(schema);
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe("the OpenAPI document", () => {
  it("holds every declared route and no other", () => {
    const published = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );

    expect(published.sort()).toEqual(rows.map(({ row }) => row).sort());
  });

  it("names every operation once", () => {
    const ids = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    );

    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(rows)("says of $row what it takes, and from whom", (endpoint) => {
    const { declaration, template } = endpoint;
    const operation = operationOf(endpoint);
    const named = (place: string) => operation?.parameters.filter((each) => each.in === place).map(({ name }) => name);

    expect(named("path")).toEqual(paramsOf(template));
    expect(named("query")).toEqual(Object.keys((declaration.query?.["properties"] ?? {}) as object));
    const schema = operation?.requestBody?.content["application/json"]?.schema as Record<string, object> | undefined;
    expect(Object.keys(schema?.["properties"] ?? {})).toEqual(
      Object.keys((declaration.body?.["properties"] ?? {}) as object),
    );
    const schemes = operation?.security.flatMap((each) => Object.keys(each)).sort();
    const { access } = declaration;
    const isForPeople = access.kind === "org" && access.peopleOnly;
    const expected = {
      public: [],
      root: ["rootKey"],
      any: ["bearer", "orgKey", "rootKey", "session"],
      session: ["bearer", "session"],
      org: ["bearer", "orgKey", "session"].filter((name) => !isForPeople || name !== "orgKey"),
    }[access.kind];
    expect(schemes).toEqual(access.kind === "org" && access.root ? [...expected, "rootKey"].sort() : expected);
  });

  it("holds none of our own annotations", () => {
    expect(JSON.stringify(document)).not.toMatch(/"(alsoAs|anyCase)":/);
  });

  it.each(reads)("describes the answer of $row", async (endpoint) => {
    const { declaration, template } = endpoint;

    const path = pathOf(template, world.alpha) + neededQuery(declaration);
    const answer = await get(path, credentialFor(declaration, world.alpha));

    expect(answer.status, answer.text).toBe(200);
    const described = operationOf(endpoint)?.responses["200"]?.content ?? {};
    const [type] = Object.keys(described);
    expect(answer.headers["content-type"]).toContain(type);
    const value: unknown = type === "application/json" ? JSON.parse(answer.text) : answer.text;
    expect(problemsOf(described[type ?? ""]?.schema ?? { not: {} }, value)).toEqual([]);
  });

  it("describes every refusal", async () => {
    const key = { "x-api-key": world.alpha.apiKey };
    const calls: RawCall[] = [
      { method: "GET", path: "/api/v1/organizations/alpha_org/quota" },
      { method: "GET", path: "/api/v1/organizations/beta_org/quota", headers: key },
      { method: "GET", path: "/nothing" },
      { method: "PUT", path: "/health" },
      { method: "GET", path: "/health?x=1" },
      { method: "POST", path: "/api/v1/integrations/alpha_org/openai/setup", headers: key, body: "{" },
      { method: "POST", path: "/api/v1/integrations/alpha_org/openai/setup", headers: key, body: "{}" },
    ];

    const answers = await Promise.all(calls.map((call) => send(world.url, call)));

    expect(answers.map(({ status }) => status)).toEqual([401, 403, 404, 405, 400, 400, 422]);
    for (const { body } of answers) expect(problemsOf(document.components.schemas.Error, body)).toEqual([]);
  });
});

/** Whether addresses of one template are addresses of the other too: `/members/emails` is a `/members/{user_id}`. */
function covers(one: string, other: string): boolean {
  const [ones, others] = [one.split("/"), other.split("/")];
  const isSame = (segment: string, at: number): boolean => segment === others[at] || segment.startsWith("{");
  return one === other || (ones.length === others.length && !one.includes("=**") && ones.every(isSame));
}

describe("methods", () => {
  it.each(reads)("HEAD follows $row, without a body", async ({ declaration, template }) => {
    const path = pathOf(template, world.alpha) + neededQuery(declaration);
    const headers = credentialFor(declaration, world.alpha);

    const followed = await send(world.url, { method: "HEAD", path, headers });
    const unauthenticated = await send(world.url, { method: "HEAD", path });

    expect([followed.status, followed.text]).toEqual([200, ""]);
    expect(Number(followed.headers["content-length"])).toBeGreaterThan(0);
    const isOpen =
      declaration.access.kind === "public" ||
      (declaration.access.kind === "root" && declaration.access.openInDevelopment);
    expect([unauthenticated.status, unauthenticated.text]).toEqual([isOpen ? 200 : 401, ""]);
  });

  it.each(templates)("what %s does not take is 405 with all that it takes, before any credential", async (template) => {
    const taken = endpoints
      .filter((each) => covers(each.template, template))
      .map(({ declaration }) => declaration.method);
    const allowed = [...new Set(taken.includes("GET") ? [...taken, "HEAD"] : taken)].sort();
    const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"];

    for (const method of others.filter((each) => !(allowed as string[]).includes(each))) {
      const answer = await send(world.url, { method, path: pathOf(template, world.alpha) });

      expect([answer.status, answer.body["error"], answer.headers.allow]).toEqual([
        405,
        "METHOD_NOT_ALLOWED",
        allowed.join(", "),
      ]);
    }
  });
});

describe("CORS", () => {
  const cors = ({ headers }: RawAnswer) =>
    Object.entries(headers).filter(([name]) => name.startsWith("access-control-"));

  it.each(templates)("a preflight of %s is answered for configured origins only", async (template) => {
    const ask = (from: string | undefined) => {
      const headers = from === undefined ? {} : { origin: from };
      return send(world.url, { method: "OPTIONS", path: pathOf(template, world.alpha), headers });
    };

    const allowed = await ask(origin);
    const refused = await Promise.all(
      [undefined, "null", "*", "https://evil.example.com", `${origin}.evil.com`, "http://console.example.com"].map(ask),
    );

    expect([allowed.status, allowed.text]).toEqual([204, ""]);
    expect(allowed.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "Origin",
    });
    const taken = endpoints
      .filter((each) => covers(each.template, template))
      .map(({ declaration }) => declaration.method);
    for (const method of taken) expect(allowed.headers["access-control-allow-methods"]).toContain(method);
    for (const answer of refused) expect([answer.status, cors(answer)]).toEqual([204, []]);
  });

  it("names the origin on answers and refusals, and never a star", async () => {
    const paths = ["/health", "/nothing", "/api/v1/organizations/alpha_org/quota"];

    for (const path of paths) {
      const [known, foreign] = [await get(path, { origin }), await get(path, { origin: "https://evil.example.com" })];

      expect(known.headers["access-control-allow-origin"]).toBe(origin);
      expect(cors(foreign)).toEqual([]);
    }
  });
});

describe("headers of every answer", () => {
  const quota = "/api/v1/organizations/alpha_org/quota";
  const big = Buffer.alloc(2 * 1024 * 1024, 0x20);
  const calls: [what: string, status: number, call: RawCall][] = [
    ["success", 200, { method: "GET", path: "/health" }],
    ["text", 200, { method: "GET", path: "/metrics" }],
    ["a preflight", 204, { method: "OPTIONS", path: quota, headers: { origin } }],
    ["a bad query", 400, { method: "GET", path: "/health?x=1" }],
    ["no credential", 401, { method: "GET", path: quota }],
    ["an unknown path", 404, { method: "GET", path: "/nothing" }],
    ["a wrong method", 405, { method: "DELETE", path: quota }],
    ["a body too large", 413, { method: "POST", path: "/api/v1/organizations/onboard", body: big }],
    ["a body far too large", 413, { method: "POST", path: "/nothing", headers: { "content-length": "99999999999" } }],
  ];

  it.each(calls)("are safe ones: %s", async (_what, status, call) => {
    const answer = await send(world.url, { ...call, headers: { ...call.headers, "x-request-id": "mine-1.2_3" } });

    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'",
      "cache-control": "no-store",
      "x-request-id": "mine-1.2_3",
    });
    expect(answer.headers).not.toHaveProperty("x-powered-by");
    expect(answer.headers).not.toHaveProperty("server");
    if (status >= 400) expect(answer.body["request_id"]).toBe("mine-1.2_3");
    if (status === 204) expect(Object.keys(answer.headers)).not.toContain("content-length");
    else
      expect(answer.headers["content-type"]).toMatch(
        /^(application\/json; charset=utf-8|text\/plain; version=0\.0\.4)/,
      );
  });

  it.each(["", "a b", "a\tb", "x".repeat(101), "ü", "<script>", "a;b", '"a"', "a,b", "../x"])(
    "hold an id of our own in place of %j",
    async (sent) => {
      const answer = await get("/health", { "x-request-id": sent });

      expect(answer.headers["x-request-id"]).toMatch(/^req_[0-9A-Z]{26}$/);
    },
  );

  it("tell an organization where it stands, under both names", async () => {
    const first = await get(quota, { "x-api-key": world.alpha.apiKey });
    const second = await get(quota, { "x-api-key": world.alpha.apiKey });
    const [before, after] = [first, second].map(({ headers }) => Number(headers["ratelimit-remaining"]));

    expect(first.headers).toMatchObject({ "ratelimit-limit": "1200", "x-ratelimit-limit": "1200" });
    expect(first.headers["x-ratelimit-remaining"]).toBe(String(before));
    // What the other functions of this host have counted meanwhile may have arrived in between.
    expect(after).toBeLessThan(before ?? 0);
    const reset = Number(first.headers["ratelimit-reset"]);
    expect(reset).toBeGreaterThan(0);
    expect(reset).toBeLessThanOrEqual(60);
  });
});
