import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BigQueryDouble, startBigQueryDouble } from "./bigquery-double.ts";

const FIELDS = [
  { name: "day", type: "DATE", mode: "REQUIRED" },
  { name: "cost", type: "BIGNUMERIC", mode: "NULLABLE" },
  { name: "count", type: "INT64", mode: "NULLABLE" },
  { name: "tags", type: "STRING", mode: "REPEATED" },
  { name: "labels", type: "JSON", mode: "NULLABLE" },
];

describe("the BigQuery double", () => {
  let double: BigQueryDouble;

  beforeEach(async () => {
    double = await startBigQueryDouble({ limits: { partitionsPerJob: 2, partitionModificationsPerTableAndDay: 3 } });
    await post("/datasets", { datasetReference: { datasetId: "d" } });
    await post("/datasets/d/tables", {
      tableReference: { tableId: "t_raw" },
      schema: { fields: FIELDS },
      timePartitioning: { type: "DAY", field: "day" },
      requirePartitionFilter: true,
    });
  });
  afterEach(() => double.stop());

  test("runs a job id once and answers 409 ever after", async () => {
    expect((await load("j1", ['{"day":"2028-02-29","cost":"1"}'])).status).toBe(200);

    expect((await load("j1", ['{"day":"2028-02-29","cost":"2"}'])).status).toBe(409);

    expect(rows().map((row) => row.get("cost"))).toEqual(["1"]);
  });

  test.each([
    ["a REQUIRED field missing", '{"cost":"1"}'],
    ["an unknown field", '{"day":"2026-03-01","other":1}'],
    ["no such day", '{"day":"2027-02-29"}'],
    ["39 digits before the point", `{"day":"2026-03-01","cost":"${"9".repeat(39)}"}`],
    ["39 digits behind the point", `{"day":"2026-03-01","cost":"0.${"1".repeat(39)}"}`],
    ["an integer beyond 64 bits", '{"day":"2026-03-01","count":"9223372036854775808"}'],
    ["a text for a REPEATED field", '{"day":"2026-03-01","tags":"a"}'],
    ["a null in a REPEATED field", '{"day":"2026-03-01","tags":[null]}'],
    ["no JSON", '{"day":'],
  ])("loads all rows of a job or none: %s", async (_what, line) => {
    const answer = await load("j1", ['{"day":"2026-03-01","cost":"1"}', line]);

    expect(answer.body).toMatchObject({ status: { state: "DONE", errorResult: { reason: "invalid" } } });
    expect(rows()).toEqual([]);
  });

  test("takes 38 digits on both sides of the point, and rounds what comes as a JSON number", async () => {
    const digits = `${"9".repeat(38)}.${"9".repeat(38)}`;
    await load("j1", [`{"day":"2026-03-01","cost":"${digits}"}`, '{"day":"2026-03-01","cost":0.12345678901234567890}']);

    expect(rows().map((row) => row.get("cost"))).toEqual([digits, "0.12345678901234568"]);
  });

  test.each([
    ["a changed type", [{ name: "cost", type: "STRING" }], ["ALLOW_FIELD_ADDITION"]],
    ["a changed mode", [{ name: "cost", type: "BIGNUMERIC", mode: "REQUIRED" }], ["ALLOW_FIELD_ADDITION"]],
    ["a new field without leave", [{ name: "extra", type: "STRING" }], []],
    ["a new REQUIRED field", [{ name: "extra", type: "STRING", mode: "REQUIRED" }], ["ALLOW_FIELD_ADDITION"]],
  ])("refuses %s in a load's schema", async (_what, fields, schemaUpdateOptions) => {
    const answer = await load("j1", ['{"day":"2026-03-01"}'], { schema: { fields }, schemaUpdateOptions });

    expect(answer.body).toMatchObject({ status: { errorResult: { reason: "invalid" } } });
  });

  test("never creates a table by load", async () => {
    const destinationTable = { projectId: "p", datasetId: "d", tableId: "missing" };

    const answer = await load("j1", ["{}"], { destinationTable });

    expect(answer.body).toMatchObject({ status: { errorResult: { reason: "notFound" } } });
    expect((await load("j2", ["{}"], { destinationTable, createDisposition: "CREATE_IF_NEEDED" })).body).toMatchObject({
      status: { errorResult: { reason: "invalid" } },
    });
  });

  test("counts partitions per job and per day", async () => {
    const days = (...names: string[]) => names.map((day) => JSON.stringify({ day }));

    const tooMany = await load("j1", days("2026-03-01", "2026-03-02", "2026-03-03"));
    await load("j2", days("2026-03-01", "2026-03-02"));
    const overDay = await load("j3", days("2026-03-01", "2026-03-02"));

    expect(tooMany.body).toMatchObject({ status: { errorResult: { reason: "invalid" } } });
    expect(overDay.body).toMatchObject({ status: { errorResult: { reason: "quotaExceeded" } } });
    expect(rows()).toHaveLength(2);
  });

  test("refuses labels that Google refuses", async () => {
    expect(
      (await post("/datasets", { datasetReference: { datasetId: "e" }, labels: { ca_org_id: "org_01HZX" } })).status,
    ).toBe(400);
    expect((await post("/datasets", { datasetReference: { datasetId: "e" }, labels: { Key: "v" } })).status).toBe(400);
    expect((await load("j1", [], {}, { key: "v".repeat(64) })).status).toBe(400);
  });

  test("refuses statements that it does not know, and a missing partition filter", async () => {
    const table = "`p.d.t_raw`";
    const select = ["-- cost-atlas warehouse/read v1", "SELECT", "  t.`tags` AS `tags`", `FROM ${table} AS t`];
    const join = ["JOIN UNNEST(@pairs) AS pair ON pair.batch_id = t.`tags`", "WHERE t.`tags` IN UNNEST(@batch_ids)"];

    for (const query of [
      "SELECT 1",
      `DROP TABLE ${table}`,
      [...select, ...join].join("\n"),
      [...select, "WHERE TRUE"].join("\n"),
    ]) {
      expect((await post("/queries", { query, useLegacySql: false })).status).toBe(400);
    }
    const erase = ["-- cost-atlas warehouse/erase v1", `DELETE FROM ${table} AS t`, "WHERE t.`count` = @org_slug"];
    expect((await post("/queries", { query: erase.join("\n"), useLegacySql: false })).status).toBe(400);
  });

  const grown = (...fields: object[]) => patch("/datasets/d/tables/t_raw", { schema: { fields } });

  test.each([
    ["a field less", FIELDS.slice(1)],
    ["a changed type", FIELDS.map((field) => (field.name === "cost" ? { ...field, type: "STRING" } : field))],
    ["a changed mode", FIELDS.map((field) => (field.name === "day" ? { ...field, mode: "NULLABLE" } : field))],
    ["a new REQUIRED field", [...FIELDS, { name: "late", type: "STRING", mode: "REQUIRED" }]],
    ["a name twice", [...FIELDS, { name: "DAY", type: "STRING", mode: "NULLABLE" }]],
  ])("refuses a new schema with %s", async (_what, fields) => {
    expect((await grown(...fields)).status).toBe(400);
  });

  test("takes a new schema with more fields", async () => {
    expect((await grown(...FIELDS, { name: "late", type: "STRING", mode: "REPEATED" })).status).toBe(200);
  });

  const view = (name: string, query: string, more: object = {}) =>
    post("/datasets/d/tables", { tableReference: { tableId: name }, view: { query, useLegacySql: false }, ...more });

  test.each([
    ["of nothing", "SELECT t.`day` FROM `p.d.nothing` AS t", {}],
    ["of a column that is not there", "SELECT t.`days` FROM `p.d.t_raw` AS t", {}],
    ["that is no SQL", "SELEC t.`day` FROM `p.d.t_raw` AS t", {}],
    ["with a schema of its own", "SELECT t.`day` FROM `p.d.t_raw` AS t", { schema: { fields: FIELDS } }],
    ["with partitions", "SELECT t.`day` FROM `p.d.t_raw` AS t", { timePartitioning: { type: "DAY", field: "day" } }],
  ])("refuses a view %s", async (_what, query, more) => {
    expect((await view("v", query, more)).status).not.toBe(200);
  });

  test("takes no rows into a view, and demands of its reader the filter that its table demands", async () => {
    expect((await view("v", "SELECT\nt.`day`\nFROM `p.d.t_raw` AS t")).status).toBe(200);
    await load("j1", ['{"day":"2026-03-01"}']);
    const read = [
      "-- cost-atlas warehouse/view v1",
      "SELECT",
      "  CAST(t.`day` AS STRING) AS `day`",
      "FROM `p.d.v` AS t",
    ];
    const days = ["first_day", "last_day"].map((name) => ({
      name,
      parameterType: { type: "DATE" },
      parameterValue: { value: "2026-03-01" },
    }));
    const ask = (...more: string[]) =>
      post("/queries", { query: [...read, ...more].join("\n"), useLegacySql: false, queryParameters: days });

    const unfiltered = await ask();
    const filtered = await ask("WHERE t.`day` BETWEEN @first_day AND @last_day");

    expect(unfiltered.status).toBe(400);
    expect(filtered.body).toMatchObject({ rows: [{ f: [{ v: "2026-03-01" }] }] });
    const destinationTable = { projectId: "p", datasetId: "d", tableId: "v" };
    expect((await load("j2", ['{"day":"2026-03-01"}'], { destinationTable })).body).toMatchObject({
      status: { errorResult: { reason: "invalid" } },
    });
  });

  test("wants credentials", async () => {
    expect((await fetch(`${double.url}/bigquery/v2/projects/p/datasets/d`)).status).toBe(401);
  });

  function rows() {
    return double.inspection.rows("d", "t_raw");
  }

  async function post(path: string, body: unknown) {
    return answered(`${double.url}/bigquery/v2/projects/p${path}`, JSON.stringify(body), "application/json");
  }

  async function patch(path: string, body: unknown) {
    return answered(`${double.url}/bigquery/v2/projects/p${path}`, JSON.stringify(body), "application/json", "PATCH");
  }

  async function load(jobId: string, lines: string[], settings: object = {}, labels: object = {}) {
    const configuration = {
      labels,
      load: {
        destinationTable: { projectId: "p", datasetId: "d", tableId: "t_raw" },
        sourceFormat: "NEWLINE_DELIMITED_JSON",
        createDisposition: "CREATE_NEVER",
        writeDisposition: "WRITE_APPEND",
        ...settings,
      },
    };
    const job = JSON.stringify({ jobReference: { projectId: "p", jobId }, configuration });
    const parts = [job, `${lines.join("\n")}\n`].map((part) => `--xyz\r\nContent-Type: text/plain\r\n\r\n${part}\r\n`);
    const url = `${double.url}/upload/bigquery/v2/projects/p/jobs?uploadType=multipart`;
    return answered(url, `${parts.join("")}--xyz--`, "multipart/related; boundary=xyz");
  }
});

async function answered(
  url: string,
  body: string,
  contentType: string,
  method = "POST",
): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: "Bearer t", "content-type": contentType };
  const response = await fetch(url, { method, headers, body });
  return { status: response.status, body: await response.json() };
}
