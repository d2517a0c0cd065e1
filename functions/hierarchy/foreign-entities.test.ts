import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rootKey, sharedHost } from "#scripts/start/host.fixture.ts";

type Body = Record<string, unknown>;
type Case = [what: string, method: string, path: (id: string) => string, body?: (id: string) => Body];

let url: string;
let stop: () => Promise<void>;
let key: string;
let otherKey: string;

beforeAll(async () => {
  const shared = await sharedHost({ RATE_LIMIT_ENABLED: "false" });
  [url, stop] = [shared.host.url, shared.stop];
  await call("POST", "/admin/bootstrap", {}, rootKey);
  [key, otherKey] = [await onboarded("test_org"), await onboarded("other_org")];
  await call("POST", "/hierarchy/test_org/entities/seed");
  const theirs = { entity_id: "THEIR-1", entity_name: "Theirs", level_code: "department" };
  await call("POST", "/hierarchy/other_org/entities", theirs, otherKey);
  const metric = { metric: "heads", display_name: "Heads", unit_name: "head", dimension: "entity" };
  await call("POST", "/unit-economics/test_org/metrics", metric);
}, 60_000);
afterAll(() => stop());

async function onboarded(slug: string): Promise<string> {
  const request = { org_slug: slug, company_name: "Test", admin_email: "a@example.com", subscription_plan: "SCALE" };
  return String((await call("POST", "/organizations/onboard", request, rootKey)).body["api_key"]);
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  credential = key,
): Promise<{ status: number; body: Body }> {
  const headers = { [credential === rootKey ? "x-ca-root-key" : "x-api-key"]: credential };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${url}/api/v1${path}`, { method, headers, ...sent });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Body) };
}

/** All that an answer says of the entity, but for its own name. */
async function refused(
  [, method, path, body]: Case,
  id: string,
): Promise<[status: number, code: unknown, text: string]> {
  const { status, body: answer } = await call(method, path(id), body?.(id));
  const { error_id: _error, request_id: _request, ...said } = answer;
  return [status, answer["error"], JSON.stringify(said).replaceAll(id, "<id>")];
}

const hierarchy = "/hierarchy/test_org";
const entity = (rest: string) => (id: string) => `${hierarchy}/entities/${id}${rest}`;
const at = (path: string) => () => path;
const rule = (action: (id: string) => Body) => (id: string) => ({ name: "Rule", action: action(id) });
const csv = (row: (id: string) => string) => (id: string) => ({
  csv_content: `entity_id,entity_name,level,level_code,parent_id\n${row(id)}`,
  mode: "merge",
});
const range = "start_date=2026-03-01&end_date=2026-03-31";
const rules = at(`${hierarchy}/allocation/rules`);
const assigned = (id: string): Body => ({ type: "assign", entity_id: id });

const inPaths: Case[] = [
  ["read", "GET", entity("")],
  ["renamed", "PUT", entity(""), () => ({ entity_name: "Mine" })],
  ["owned", "PUT", entity(""), () => ({ owner_name: "Me" })],
  ["deleted", "DELETE", entity("?force=true")],
  ["restored", "POST", entity("/restore"), () => ({})],
  ["moved", "POST", entity("/move"), () => ({ new_parent_id: null })],
  ["checked for deletion", "GET", entity("/can-delete")],
  ["asked for children", "GET", entity("/children")],
  ["asked for ancestors", "GET", entity("/ancestors")],
  ["asked for descendants", "GET", entity("/descendants")],
  ["a root of the tree", "GET", (id) => `${hierarchy}/tree?root=${id}`],
  ["a root of the roll-up", "GET", (id) => `${hierarchy}/rollup?${range}&root=${id}`],
  ["a parent of groups of cost", "GET", (id) => `/costs/test_org/by-hierarchy?${range}&parent_id=${id}`],
  ["a path of cost", "GET", (id) => `/costs/test_org/summary?${range}&hierarchy_path=/${id}`],
  ["a department of cost", "GET", (id) => `/costs/test_org/summary?${range}&department_id=${id}`],
];

const asFilter: Case[] = [
  ["a filter of cost", "GET", (id) => `/costs/test_org/summary?${range}&hierarchy_entity_id=${id}`],
];

const inBodies: Case[] = [
  ["a target of a rule", "POST", rules, rule(assigned)],
  [
    "a value of a rule's map",
    "POST",
    rules,
    rule((id) => ({ type: "assign", entity_from: { tag: "t", map: [{ value: "a", entity_id: id }] } })),
  ],
  ["a target of a split", "POST", rules, rule((id) => ({ type: "split", targets: [{ entity_id: id, percent: 50 }] }))],
  ["a target of a spread", "POST", rules, rule((id) => ({ type: "spread", over: ["DEPT-ENG", id], weight: "even" }))],
  [
    "a value of a usage's map",
    "POST",
    rules,
    rule((id) => ({ type: "usage_share", by: "api_key_id", map: [{ value: "K", entity_id: id }] })),
  ],
  [
    "a target of a previewed rule",
    "POST",
    at(`${hierarchy}/allocation/preview`),
    (id) => ({ rules: [rule(assigned)(id)], start_date: "2026-03-01", end_date: "2026-03-31" }),
  ],
  [
    "the entity of a plan",
    "POST",
    at("/subscriptions/test_org/providers/slack/plans"),
    (id) => ({ plan_name: "PRO", unit_price: "8.75", seats: 3, start_date: "2026-08-01", hierarchy_entity_id: id }),
  ],
  [
    "the scope of a metric",
    "POST",
    at("/unit-economics/test_org/metrics"),
    (id) => ({ metric: "mine", display_name: "M", unit_name: "m", cost_scope: { hierarchy_entity_ids: [id] } }),
  ],
  ["who takes references over", "DELETE", (id) => `${hierarchy}/entities/TEAM-ML?force=true&reassign_to=${id}`],
];

const asParent: Case[] = [
  [
    "a parent",
    "POST",
    at(`${hierarchy}/entities`),
    (id) => ({ entity_name: "P", level_code: "project", parent_id: id }),
  ],
  ["a new parent", "POST", at(`${hierarchy}/entities/PROJ-IT/move`), (id) => ({ new_parent_id: id })],
];

const inFile: Case[] = [
  ["a parent in a file", "POST", at(`${hierarchy}/import`), csv((id) => `P-1,Project,2,project,${id}`)],
];

const asValue: Case[] = [
  [
    "a value of a metric",
    "POST",
    at("/unit-economics/test_org/metrics/heads/values"),
    (id) => ({ values: [{ day: "2026-03-01", dimension: id, quantity: 1 }] }),
  ],
];

describe("another organization's entity is refused as one that there is not", () => {
  const of = (status: number, code: string, cases: readonly Case[]) =>
    cases.map((asked) => ({ what: asked[0], status, code, asked }));

  it.each([
    ...of(404, "ENTITY_NOT_FOUND", [...inPaths, ...asFilter]),
    ...of(422, "HIERARCHY_ENTITY_UNKNOWN", inBodies),
    ...of(422, "PARENT_NOT_FOUND", asParent),
    ...of(422, "HIERARCHY_IMPORT_INVALID", inFile),
    ...of(422, "INVALID_BODY", asValue),
  ])("$status $code: $what", async ({ status, code, asked }) => {
    const before = [await call("GET", "/hierarchy/other_org/tree", undefined, otherKey), await mine()];

    const [theirs, nobodys] = [await refused(asked, "THEIR-1"), await refused(asked, "NOBOD-1")];

    expect(theirs.slice(0, 2)).toEqual([status, code]);
    expect(theirs).toEqual(nobodys);
    expect([await call("GET", "/hierarchy/other_org/tree", undefined, otherKey), await mine()]).toEqual(before);
  });
});

async function mine(): Promise<unknown[]> {
  const { body: tree } = await call("GET", `${hierarchy}/tree`);
  const { body: allocation } = await call("GET", `${hierarchy}/allocation/rules`);
  return [tree, allocation["version"]];
}

describe("what reaches nobody", () => {
  const unallocated = "UNALLOCATED";

  const made: Case[] = [
    ["an id in a file", "POST", at(`${hierarchy}/import`), csv((id) => `${id},Mine,1,department,`)],
    [
      "made",
      "POST",
      at(`${hierarchy}/entities`),
      (id) => ({ entity_id: id, entity_name: "Mine", level_code: "department" }),
    ],
  ];
  const cases = [...inPaths, ...inBodies, ...asParent, ...inFile, ...asValue, ...made];

  it.each(cases.map((asked) => ({ what: asked[0], asked })))("is no entity that can be $what", async ({ asked }) => {
    const before = await mine();

    for (const id of [unallocated, "unallocated"]) {
      const [status] = await refused(asked, id);
      expect([404, 422]).toContain(status);
    }

    expect(await mine()).toEqual(before);
  });

  it("stands in every answer by entity, 0 included, and can be asked for", async () => {
    const { body: rollup } = await call("GET", `${hierarchy}/rollup?${range}`);
    const { body: below } = await call("GET", `${hierarchy}/rollup?${range}&root=DEPT-ENG`);
    const { body: groups } = await call("GET", `/costs/test_org/by-hierarchy?${range}&level=3&top=1`);
    const { body: covered } = await call("GET", `${hierarchy}/allocation/coverage?${range}`);
    const { body: preview } = await call("POST", `${hierarchy}/allocation/preview`, {
      ...{ rules: [], start_date: "2026-03-01", end_date: "2026-03-31" },
    });
    const asked = await call("GET", `/costs/test_org/summary?${range}&hierarchy_entity_id=unallocated`);

    const line = { entity_id: unallocated, entity_name: "Unallocated", amount: "0.00" };
    expect([rollup["unallocated"], below["unallocated"]]).toMatchObject([line, line]);
    expect((groups["groups"] as Body[]).map(({ entity_id }) => entity_id)).toContain(unallocated);
    expect(covered).toMatchObject({ unallocated: "0.00" });
    expect(preview["by_entity"]).toMatchObject([{ entity_id: unallocated, before: "0.00", after: "0.00" }]);
    expect([asked.status, asked.body["total_cost"]]).toEqual([200, "0.00"]);
  });
});
