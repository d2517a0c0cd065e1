import { beforeEach, describe, expect, it } from "vitest";
import { apiOf, type Body, rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

let host: Host;
let key: string;
const { call, onboarded } = apiOf(() => ({ host, key }));
const hierarchy = "/hierarchy/test_org";

beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, { "x-ca-root-key": rootKey });
  key = await onboarded("test_org");
  await call("POST", `${hierarchy}/entities/seed`);
}, 60_000);

async function done(method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await call(method, `${hierarchy}/allocation${path}`, body);
  expect([200, 201, 204], JSON.stringify(answer.body)).toContain(answer.status);
  return answer.body;
}

async function refused(body: Body): Promise<[number, unknown, unknown]> {
  const answer = await call("POST", `${hierarchy}/allocation/rules`, { name: "x", ...body });
  return [answer.status, answer.body["error"], (answer.body["fields"] as Body[] | undefined)?.[0]?.["path"]];
}

const toTeam = { type: "assign", entity_id: "team-ml" };

describe("allocation rules", () => {
  it("stand in their order, are changed by version, and every change is journaled", async () => {
    const first = await done("POST", "/rules", { name: "All", action: toTeam });
    const second = await done("POST", "/rules", {
      name: "Split",
      match: { providers: ["openai"], tags: [{ key: "team", op: "EXISTS" }] },
      action: {
        type: "SPLIT",
        targets: [
          { entity_id: "TEAM-ML", percent: 60 },
          { entity_id: "TEAM-INFRA", percent: "30.5" },
        ],
      },
    });

    expect(first).toMatchObject({
      priority: 10,
      action: { entity_id: "TEAM-ML" },
      warnings: [{ code: "MATCHES_EVERYTHING" }],
    });
    expect(second).toMatchObject({ priority: 20, warnings: [{ code: "SHADOWED_BY", rule_id: first["rule_id"] }] });
    const ids = [second["rule_id"], first["rule_id"]];
    const ordered = await done("POST", "/rules/reorder", { rule_ids: ids });
    expect((ordered["rules"] as Body[]).map(({ rule_id, priority }) => [rule_id, priority])).toEqual([
      [ids[0], 10],
      [ids[1], 20],
    ]);
    const path = `/rules/${first["rule_id"]}`;
    expect(await done("PUT", path, { is_active: false, expected_version: 2 })).toMatchObject({ version: 3 });
    expect((await call("PUT", `${hierarchy}/allocation${path}`, { name: "y", expected_version: 2 })).status).toBe(409);
    expect((await call("POST", `${hierarchy}/allocation/rules/reorder`, { rule_ids: [ids[0]] })).status).toBe(422);
    expect(((await done("GET", "/rules"))["rules"] as Body[]).length).toBe(1);
    await done("DELETE", path);
    expect((await call("GET", `${hierarchy}/allocation${path}`)).status).toBe(404);
    const versions = (await done("GET", "/versions"))["versions"] as Body[];
    expect(versions.map(({ version, operation }) => [version, operation])).toEqual([
      [5, "allocation_rule.deleted"],
      [4, "allocation_rule.updated"],
      [3, "allocation_rules.reordered"],
      [2, "allocation_rule.created"],
      [1, "allocation_rule.created"],
    ]);
  });

  it.each<[string, Body, number, string, string]>([
    [
      "an unknown entity",
      { action: { type: "assign", entity_id: "NOBODY" } },
      422,
      "HIERARCHY_ENTITY_UNKNOWN",
      "/action/entity_id",
    ],
    [
      "nobody as target",
      { action: { type: "assign", entity_id: "UNALLOCATED" } },
      422,
      "HIERARCHY_ENTITY_UNKNOWN",
      "/action/entity_id",
    ],
    ["a field of another action", { action: { ...toTeam, by: "model_id" } }, 422, "INVALID_BODY", "/action/by"],
    [
      "more than 100 percent",
      {
        action: {
          type: "split",
          targets: [
            { entity_id: "TEAM-ML", percent: 60 },
            { entity_id: "TEAM-INFRA", percent: 40.000001 },
          ],
        },
      },
      422,
      "INVALID_BODY",
      "/action/targets",
    ],
    [
      "seven decimals",
      { action: { type: "split", targets: [{ entity_id: "TEAM-ML", percent: "1.0000001" }] } },
      422,
      "INVALID_BODY",
      "/action/targets/0/percent",
    ],
    [
      "a target within another",
      { action: { type: "spread", over: ["DEPT-ENG", "TEAM-ML"], weight: "even" } },
      422,
      "INVALID_BODY",
      "/action/over/1",
    ],
    [
      "an end before its start",
      { action: toTeam, effective_from: "2026-02-02", effective_to: "2026-02-01" },
      422,
      "INVALID_BODY",
      "/effective_to",
    ],
    ["a date that is none", { action: toTeam, effective_from: "2026-02-29" }, 422, "INVALID_BODY", "/effective_from"],
    [
      "a regular expression's operator",
      { action: toTeam, match: { tags: [{ key: "t", op: "regex", values: ["a"] }] } },
      422,
      "INVALID_BODY",
      "/match/tags/0/op",
    ],
  ])("refuse %s", async (_what, body, status, code, path) => {
    expect(await refused(body)).toEqual([status, code, path]);
  });

  it("block the end of what they name; with force and reassignment they name another", async () => {
    const rule = await done("POST", "/rules", {
      name: "Split",
      match: { providers: ["openai"] },
      action: {
        type: "split",
        targets: [
          { entity_id: "TEAM-ML", percent: 60 },
          { entity_id: "TEAM-INFRA", percent: 40 },
        ],
      },
    });

    const blocked = await call("DELETE", `${hierarchy}/entities/TEAM-ML`);
    const forced = await call("DELETE", `${hierarchy}/entities/TEAM-ML?force=true&reassign_to=team-infra`);

    expect(blocked.body["blocking_entities"]).toEqual([
      { kind: "allocation_rule", id: rule["rule_id"], name: "Split" },
    ]);
    expect(forced.status, JSON.stringify(forced.body)).toBe(204);
    expect(await done("GET", `/rules/${rule["rule_id"]}`)).toMatchObject({
      action: { targets: [{ entity_id: "TEAM-INFRA", percent: "100" }] },
      version: 2,
    });
  });

  it("are explained step by step, and previewed without being saved", async () => {
    await done("POST", "/rules", { name: "Chat", match: { providers: ["openai"] }, action: toTeam });
    await done("PUT", "/settings", { tag_keys: ["squad"], ignore_case: true });

    const row = { charge_date: "2026-08-02", provider: "gcp", tags: { Squad: "team-infra" } };
    const explained = await done("POST", "/explain", row);
    const march = { start_date: "2026-03-01", end_date: "2026-03-31" };
    const preview = await done("POST", "/preview", { rules: [], ...march });
    const covered = await done("GET", "/coverage?start_date=2026-03-01&end_date=2026-03-31");
    const rolled = await call("GET", `${hierarchy}/rollup?start_date=2026-03-01&end_date=2026-03-31`);

    expect(explained).toMatchObject({ entity_id: "TEAM-INFRA", method: "tag", confidence: "exact" });
    expect((explained["steps"] as Body[]).map(({ step, result }) => [step, result])).toEqual([
      ["rule", "passed"],
      ["tag", "taken"],
    ]);
    expect(preview).toMatchObject({ total: "0.00", by_entity: [{ entity_id: "UNALLOCATED" }], rows_touched: 0 });
    expect(covered).toMatchObject({ total: "0.00", unallocated: "0.00", allocated_percent: null });
    expect(rolled.body, JSON.stringify(rolled.body)).toMatchObject({ total: "0.00", unallocated: { amount: "0.00" } });
    expect((rolled.body["roots"] as Body[]).length).toBe(3);
  });
});
