import { beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

type Body = Record<string, unknown>;

interface Answered {
  status: number;
  body: Body;
}

let host: Host;
let key: string;

beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, { "x-ca-root-key": rootKey });
  key = await onboarded("test_org");
}, 60_000);

async function onboarded(slug: string): Promise<string> {
  const request = { org_slug: slug, company_name: "Test", admin_email: "a@example.com", subscription_plan: "SCALE" };
  const answer = await call("POST", "/organizations/onboard", request, { "x-ca-root-key": rootKey });
  return String(answer.body["api_key"]);
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { "x-api-key": key },
): Promise<Answered> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, ...text });
  const answer = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, body: isJson ? (JSON.parse(answer) as Body) : { text: answer } };
}

const hierarchy = "/hierarchy/test_org";

async function made(request: Body): Promise<Body> {
  const { status, body } = await call("POST", `${hierarchy}/entities`, request);
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

async function changed(method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await call(method, `${hierarchy}${path}`, body);
  expect([200, 201, 204], JSON.stringify(answer.body)).toContain(answer.status);
  return answer.body;
}

function ids(list: unknown): unknown[] {
  return (list as Body[]).map((entity) => entity["entity_id"]);
}

async function codeOf(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
  const answer = await call(method, `${hierarchy}${path}`, body);
  return [answer.status, answer.body["error"]];
}

describe("the structure of an organization", () => {
  it("begins with three levels and grows by entities that know their path", async () => {
    const levels = await changed("GET", "/levels");
    const department = await made({ entity_name: "Engineering", level_code: "department" });
    const project = await made({
      entity_id: "chat",
      entity_name: "Chat 💬",
      level_code: "project",
      parent_id: "dept-001",
      owner_name: "Ann",
      metadata: { cost_center: "42", billable: true },
    });

    expect(levels).toMatchObject({ total: 3, max_depth: 3 });
    expect(department).toMatchObject({ id: "test_org:DEPT-001", path: "/DEPT-001", depth: 0, effective_owner: null });
    expect(project).toMatchObject({
      entity_id: "CHAT",
      path: "/DEPT-001/CHAT",
      path_names: ["Engineering", "Chat 💬"],
      level_code: "project",
      effective_owner: { entity_id: "CHAT", owner_name: "Ann" },
      version: 1,
    });
    expect(await changed("GET", "/entities/Chat")).toEqual(project);
    expect(await changed("GET", "/entities/dept-001")).toMatchObject({ children_count: 1 });
    const listed = await changed("GET", "?level_code=project&q=CHAT");
    expect([listed["total"], listed["entities"]]).toEqual([1, [project]]);
  });

  it("refuses what has no place in it, by name", async () => {
    await changed("POST", "/entities/seed");

    const create = (body: Body) => codeOf("POST", "/entities", { entity_name: "X", ...body });
    expect(await create({ level_code: "team" })).toEqual([422, "PARENT_REQUIRED"]);
    expect(await create({ level_code: "department", parent_id: "DEPT-ENG" })).toEqual([422, "PARENT_NOT_ALLOWED"]);
    expect(await create({ level_code: "team", parent_id: "DEPT-ENG" })).toEqual([422, "PARENT_LEVEL_WRONG"]);
    expect(await create({ level_code: "team", parent_id: "NOBODY" })).toEqual([422, "PARENT_NOT_FOUND"]);
    expect(await create({ level_code: "department", entity_id: "dept-eng" })).toEqual([409, "ENTITY_EXISTS"]);
    expect(await create({ level_code: "department", entity_id: "unallocated" })).toEqual([422, "INVALID_BODY"]);
    expect(await create({ level_code: "department", owner_id: `usr_${"0".repeat(26)}` })).toEqual([
      422,
      "INVALID_BODY",
    ]);
    await changed("PUT", "/levels/2", { max_children: 2 });
    expect(await create({ level_code: "team", parent_id: "PROJ-APPS" })).toEqual([409, "MAX_CHILDREN"]);
    expect(await codeOf("GET", "/entities/UNALLOCATED")).toEqual([404, "ENTITY_NOT_FOUND"]);
    expect(await codeOf("POST", "/entities/seed")).toEqual([409, "ENTITIES_EXIST"]);
  });

  it("moves a subtree by one document; every path follows at once", async () => {
    await changed("POST", "/entities/seed");

    const moved = await changed("POST", "/entities/PROJ-APPS/move", { new_parent_id: "dept-ops", expected_version: 1 });
    const again = await changed("POST", "/entities/PROJ-APPS/move", { new_parent_id: "DEPT-OPS" });
    const stale = await codeOf("POST", "/entities/PROJ-APPS/move", { new_parent_id: "DEPT-ENG", expected_version: 1 });

    expect(moved).toMatchObject({ path: "/DEPT-OPS/PROJ-APPS", version: 2 });
    expect(again).toEqual(moved);
    expect(stale).toEqual([409, "VERSION_CONFLICT"]);
    expect(await changed("GET", "/entities/TEAM-BACKEND")).toMatchObject({
      path: "/DEPT-OPS/PROJ-APPS/TEAM-BACKEND",
      version: 1,
    });
    expect(ids((await changed("GET", "/entities/DEPT-OPS/descendants"))["descendants"])).toEqual([
      "PROJ-APPS",
      "TEAM-BACKEND",
      "TEAM-FRONTEND",
      "PROJ-IT",
      "TEAM-FINOPS",
    ]);
    expect(ids((await changed("GET", "/entities/TEAM-BACKEND/ancestors"))["ancestors"])).toEqual([
      "DEPT-OPS",
      "PROJ-APPS",
    ]);
    const versions = (await changed("GET", "/versions"))["versions"] as Body[];
    expect(versions.map(({ version, operation }) => [version, operation])).toEqual([
      [3, "entity.moved"],
      [2, "entity.seeded"],
    ]);
    const before = (await changed("GET", "/tree?at_version=2&root=PROJ-APPS"))["roots"] as Body[];
    expect(before[0]?.["path"]).toBe("/DEPT-ENG/PROJ-APPS");
    expect(await changed("GET", "/tree?at_version=1")).toMatchObject({ roots: [], stats: { total: 0 }, version: 1 });
    expect(await codeOf("GET", "/tree?at_version=99")).toEqual([404, "VERSION_NOT_FOUND"]);
    const logs = await call("GET", "/organizations/test_org/audit-logs?action=entity.moved");
    expect((logs.body["logs"] as Body[]).length).toBe(1);
  });

  it("cannot be put below itself", async () => {
    await changed("POST", "/levels", {
      level: 4,
      level_code: "squad",
      level_name: "Squad",
      level_name_plural: "Squads",
    });
    await changed("POST", "/entities/seed");

    expect(await codeOf("POST", "/entities/PROJ-APPS/move", { new_parent_id: "PROJ-APPS" })).toEqual([
      422,
      "PARENT_NOT_ALLOWED",
    ]);
    expect(await codeOf("POST", "/entities/PROJ-APPS/move", { new_parent_id: "TEAM-BACKEND" })).toEqual([
      422,
      "PARENT_NOT_ALLOWED",
    ]);
    expect(await codeOf("POST", "/entities/PROJ-APPS/move", { new_parent_id: null })).toEqual([422, "PARENT_REQUIRED"]);
  });

  it("ends with everything below it only by force, and comes back under its id", async () => {
    await changed("POST", "/entities/seed");

    const check = await changed("GET", "/entities/DEPT-OPS/can-delete");
    const blocked = await call("DELETE", `${hierarchy}/entities/DEPT-OPS`);
    const forced = await call("DELETE", `${hierarchy}/entities/DEPT-OPS?force=true`);

    expect(check).toMatchObject({ blocked: true, blocking_entities: [{ kind: "child", id: "PROJ-IT" }] });
    expect([blocked.status, blocked.body["error"]]).toEqual([409, "ENTITY_IN_USE"]);
    expect(blocked.body["blocking_entities"]).toEqual([{ kind: "child", id: "PROJ-IT", name: "IT" }]);
    expect(forced.status).toBe(204);
    expect(await changed("GET", "/entities/TEAM-FINOPS")).toMatchObject({ is_active: false });
    expect(
      await codeOf("POST", "/entities", { entity_id: "PROJ-IT", entity_name: "x", level_code: "department" }),
    ).toEqual([409, "ENTITY_EXISTS"]);
    expect(await codeOf("POST", "/entities/PROJ-IT/restore", {})).toEqual([422, "PARENT_NOT_FOUND"]);
    expect(await changed("POST", "/entities/PROJ-IT/restore", { parent_id: "DEPT-ENG" })).toMatchObject({
      path: "/DEPT-ENG/PROJ-IT",
      is_active: true,
      end_date: null,
    });
    expect((await changed("GET", "?include_inactive=true&limit=500"))["total"]).toBe(13);
    expect((await changed("GET", "?limit=500"))["total"]).toBe(11);
  });

  it("keeps levels without a gap, and none that is in use goes", async () => {
    await changed("POST", "/entities/seed");
    const level = { level_code: "squad", level_name: "Squad", level_name_plural: "Squads" };

    expect(await codeOf("POST", "/levels", { level: 3, ...level })).toEqual([409, "LEVEL_EXISTS"]);
    expect(await codeOf("POST", "/levels", { level: 5, ...level })).toEqual([422, "INVALID_BODY"]);
    expect(await changed("POST", "/levels", { level: 4, ...level })).toMatchObject({ is_leaf: true, parent_level: 3 });
    expect(await changed("GET", "/levels/3")).toMatchObject({ is_leaf: false });
    expect(await codeOf("DELETE", "/levels/3")).toEqual([409, "LEVEL_IN_USE"]);
    expect(await codeOf("PUT", "/levels/2", { is_leaf: true })).toEqual([409, "LEVEL_IN_USE"]);
    await changed("PUT", "/levels/1", { level_code: "division" });
    expect(await changed("GET", "/entities/DEPT-ENG")).toMatchObject({ level_code: "division", version: 1 });
    await changed("DELETE", "/levels/4");
    expect(await codeOf("GET", "/levels/4")).toEqual([404, "LEVEL_NOT_FOUND"]);
  });

  it("shows another organization nothing and takes nothing of it", async () => {
    await changed("POST", "/entities/seed");
    const otherKey = await onboarded("other_org");
    const as = { "x-api-key": otherKey };

    const own = await call("GET", `${hierarchy}/entities/DEPT-ENG`, undefined, as);
    const named = await call("GET", "/hierarchy/other_org/entities/DEPT-ENG", undefined, as);
    const unknown = await call("GET", "/hierarchy/other_org/entities/NO-SUCH", undefined, as);

    expect(own.status).toBe(403);
    expect([named.status, named.body["message"]]).toEqual([404, unknown.body["message"]]);
  });
});
