import { beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

type Body = Record<string, unknown>;

let host: Host;
let key: string;
const hierarchy = "/hierarchy/test_org";

beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, { "x-ca-root-key": rootKey });
  const request = {
    org_slug: "test_org",
    company_name: "Test",
    admin_email: "a@example.com",
    subscription_plan: "SCALE",
  };
  const answer = await call("POST", "/organizations/onboard", request, { "x-ca-root-key": rootKey });
  key = String(answer.body["api_key"]);
}, 60_000);

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { "x-api-key": key },
): Promise<{ status: number; body: Body; text: string }> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, ...sent });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, body: isJson ? (JSON.parse(text) as Body) : {}, text };
}

async function exported(): Promise<string> {
  return (await call("GET", `${hierarchy}/export`)).text;
}

function imported(csv_content: string, options: Body = {}) {
  return call("POST", `${hierarchy}/import`, { csv_content, ...options });
}

const header = "entity_id,entity_name,level,level_code,parent_id";

describe("the structure as a file", () => {
  it("comes back byte for byte, and unchanged makes no version", async () => {
    await call("POST", `${hierarchy}/entities/seed`);
    const odd = [
      { entity_id: "-odd", entity_name: "=HYPERLINK(1+1)", description: "@here", metadata: { a: "x,y", b: 1 } },
      { entity_id: "ar", entity_name: "شركة 🚀", owner_name: "'=quoted" },
      { entity_id: "long", entity_name: "🚀".repeat(200), owner_name: "＝wide", sort_order: -5 },
      { entity_id: "spaced", entity_name: ' a, "b" ' },
    ];
    for (const entity of odd) await call("POST", `${hierarchy}/entities`, { level_code: "department", ...entity });

    const first = await exported();
    const unchanged = await imported(first);
    await imported(`${header}\r\nX,X,1,department,`, { confirm_delete_all: true });
    const back = await imported(first, { confirm_delete_all: true });

    expect(first).toContain("'-ODD,'=HYPERLINK(1+1),1,department,");
    expect(unchanged.body).toMatchObject({ success: true, unchanged_count: 17, hierarchy_version: 6 });
    expect(back.body, back.text).toMatchObject({ created_count: 17, deleted_count: 1, hierarchy_version: 8 });
    expect(await exported()).toBe(first);
    expect((await call("GET", `${hierarchy}/export?at_version=6`)).text).toBe(first);
    expect((await call("GET", `${hierarchy}/entities/-ODD`)).body).toMatchObject({ entity_name: "=HYPERLINK(1+1)" });
  });

  it("is read in any order of rows and columns, with a byte order mark, LF or CRLF", async () => {
    const rows = ["Team,T-1,3,team,P-1", "Project,P-1,2,project,D-1", '"Dep, ""A""",d-1,1,department,'];
    const text = `\ufeff${["entity_name,entity_id,level,level_code,parent_id", ...rows].join("\n")}`;

    const preview = await call("POST", `${hierarchy}/import/preview`, { csv_content: text });
    const done = await imported(text);

    expect(preview.body, preview.text).toMatchObject({
      is_valid: true,
      summary: { creates: 3, updates: 0, deletes: 0 },
    });
    expect(done.body, done.text).toMatchObject({ created_count: 3, hierarchy_version: 2 });
    expect((await call("GET", `${hierarchy}/entities/T-1`)).body).toMatchObject({
      path: "/D-1/P-1/T-1",
      path_names: ['Dep, "A"', "Project", "Team"],
    });
    const merged = await imported(`${header}\nT-1,Crew,3,team,P-1`, { mode: "merge", expected_version: 2 });
    expect(merged.body).toMatchObject({ updated_count: 1, deleted_count: 0, hierarchy_version: 3 });
    expect((await imported(text, { expected_version: 2 })).status).toBe(409);
  });

  it("keeps line breaks and quotes within a quoted cell, through export and import, with CRLF", async () => {
    const cells = '"first ""line""\nsecond, line\r\nthird"';
    const rows = ["entity_id,entity_name,level,level_code,parent_id,description", `D-1,Dep,1,department,,${cells}`];

    const done = await imported(rows.join("\r\n"));
    const first = await exported();
    const again = await imported(first);

    expect(done.body, done.text).toMatchObject({ created_count: 1 });
    expect((await call("GET", `${hierarchy}/entities/D-1`)).body).toMatchObject({
      description: 'first "line"\nsecond, line\r\nthird',
    });
    expect(again.body, again.text).toMatchObject({ unchanged_count: 1, hierarchy_version: 2 });
    expect(await exported()).toBe(first);
  });

  it("is taken whole or not at all; the wrong row is named", async () => {
    const good = Array.from({ length: 1500 }, (_, at) => `D-${at},Name ${at},1,department,`);
    const wrong = `${[header, ...good, "P-1,Project,2,project,NOBODY", "P-2,Two,2,team,D-1"].join("\n")}\n`;

    const refused = await imported(wrong);
    const all = await imported(wrong, { fail_fast: false });
    const preview = await call("POST", `${hierarchy}/import/preview`, { csv_content: wrong });

    expect([refused.status, refused.body["error"]]).toEqual([422, "HIERARCHY_IMPORT_INVALID"]);
    expect(refused.body["errors"]).toEqual([
      { row: 1502, field: "parent_id", problem: "is neither in the file nor in the structure" },
    ]);
    expect((all.body["errors"] as Body[]).map(({ row, field }) => [row, field])).toEqual([
      [1502, "parent_id"],
      [1503, "level_code"],
    ]);
    expect(preview.body).toMatchObject({ is_valid: false, validation_errors: all.body["errors"] });
    expect((await call("GET", hierarchy)).body["total"]).toBe(0);
    const done = await imported([header, ...good].join("\n"));
    expect(done.body, done.text).toMatchObject({ created_count: 1500 });
    expect((await call("GET", hierarchy)).body["total"]).toBe(1500);
  });

  it.each([
    ["no rows", "", {}, 422, "IMPORT_WOULD_DELETE_ALL"],
    ["a header alone", header, {}, 422, "IMPORT_WOULD_DELETE_ALL"],
    ["nothing that exists", `${header}\nX,X,1,department,`, {}, 422, "IMPORT_WOULD_DELETE_ALL"],
    ["an unknown column", `${header},colour\nX,X,1,department,,red`, {}, 422, "INVALID_BODY"],
    ["a column that is a prototype", `${header},__proto__\nX,X,1,department,,red`, {}, 422, "INVALID_BODY"],
    ["a missing column", "entity_id,entity_name,level\nX,X,1", {}, 422, "INVALID_BODY"],
    [
      "an id twice, in other case",
      `${header}\nX,X,1,department,\nx,X,1,department,`,
      {},
      422,
      "HIERARCHY_IMPORT_INVALID",
    ],
    ["another level for an id", `${header}\nTEAM-ML,X,1,department,`, {}, 422, "HIERARCHY_IMPORT_INVALID"],
    ["NUL", `${header}\nX,X\u0000,1,department,`, {}, 422, "INVALID_BODY"],
    ["5,001 rows", `${header}${"\nX,X,1,department,".repeat(5001)}`, {}, 413, "IMPORT_TOO_LARGE"],
    ["5 MB and a byte", `${header}\n${" ".repeat(5_000_000 - header.length)}`, {}, 413, "IMPORT_TOO_LARGE"],
    ["blank lines without end", `${header}\n${"\n".repeat(2_900_000)}`, {}, 422, "IMPORT_WOULD_DELETE_ALL"],
  ])("is refused with %s", async (_what, csv, options, status, code) => {
    await call("POST", `${hierarchy}/entities/seed`);

    const answer = await imported(csv, options);

    expect([answer.status, answer.body["error"]], answer.text.slice(0, 500)).toEqual([status, code]);
    expect((await call("GET", hierarchy)).body["total"]).toBe(13);
  });
});
