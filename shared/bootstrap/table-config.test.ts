import { describe, expect, test } from "vitest";
import { lineageColumns } from "#shared/lineage/lineage.ts";
import { configFile, configFolder } from "#shared/platform/config-files.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { parseTableConfig, type TableConfigFiles } from "./table-config.ts";

const column = (name: string, type: string, mode = "REQUIRED") => ({ name, type, mode, description: `About ${name}` });
const byDay = (field: string, type = "DAY") => ({ field, type, expiration_days: null });
const description = "About it";

/** A state, a data and an event table without fault, and a view. */
function sound(): TableConfigFiles {
  return {
    config: {
      version: 3,
      dataset: { name: "d", description },
      tables: {
        things: {
          description,
          kind: "state",
          key: ["thing_id"],
          partition: { field: "created_at", type: "DAY", expiration_days: 2 },
          clustering: ["org_slug"],
        },
        charges: {
          description,
          kind: "data",
          key: ["x_source_record_id"],
          partition: byDay("usage_date"),
          clustering: ["x_batch_id"],
        },
      },
      extension_tables: { happenings: { description, kind: "event", clustering: ["event_id"] } },
      views: ["some_things"],
    },
    schemas: {
      things: [
        column("thing_id", "STRING"),
        column("org_slug", "STRING"),
        column("created_at", "TIMESTAMP"),
        column("labels", "STRING", "REPEATED"),
        column("extra", "JSON", "NULLABLE"),
        column("share", "FLOAT64", "NULLABLE"),
      ],
      charges: [column("usage_date", "DATE"), ...lineageColumns.map((lineage) => ({ ...lineage, description }))],
      happenings: [column("happened", "STRING")],
    },
    views: {
      some_things: {
        description,
        source: "things_current",
        where: { org_slug: "a" },
        columns: ["thing_id", { name: "a", from: "extra" }],
      },
    },
  };
}

/** Sets the member at a path, or removes it when the value is undefined. */
function spoil(files: TableConfigFiles, path: string, value: unknown): void {
  const names = path.split("/");
  const last = names.pop() ?? "";
  let holder = files as unknown as Record<string, unknown>;
  for (const name of names) holder = holder[name] as Record<string, unknown>;
  if (value === undefined) delete holder[last];
  else holder[last] = value;
}

function faultsOf(files: TableConfigFiles): string[] {
  try {
    parseTableConfig(files);
  } catch (error) {
    if (isAppError(error, "TABLE_CONFIG_INVALID")) return error.fields.map(({ path, problem }) => `${path} ${problem}`);
    throw error;
  }
  return [];
}

test("answers sound files as definitions", () => {
  const config = parseTableConfig(sound());

  expect(config).toMatchObject({ version: 3, dataset: { name: "d", description } });
  expect(config.tables[0]).toMatchObject({
    name: "things",
    kind: "state",
    key: ["thing_id"],
    partition: { field: "created_at", type: "DAY", expirationDays: 2 },
    clustering: ["org_slug"],
  });
  const names = "thing_id org_slug created_at labels extra share event_id version operation recorded_at";
  expect(config.tables[0]?.columns.map(({ name }) => name)).toEqual(names.split(" "));
  expect(config.tables[1]?.columns).toHaveLength(1 + lineageColumns.length);
  expect(config.extensionTables).toMatchObject([{ name: "happenings", key: ["event_id"], partition: undefined }]);
  expect(config.views).toEqual([
    {
      name: "some_things",
      description,
      source: "things_current",
      where: [{ column: "org_slug", equals: "a" }],
      columns: [
        { name: "thing_id", from: ["thing_id"], aggregate: undefined },
        { name: "a", from: ["extra"], aggregate: undefined },
      ],
    },
  ]);
});

// tables.md 1, configuration files
const exact = "is FLOAT64 but holds money, a price or a quantity";
const types = "STRING, INT64, BIGNUMERIC, BOOL, DATE, TIMESTAMP, JSON, FLOAT64";
const thing = "config/tables/things";
const charge = "config/tables/charges";
const happening = "config/extension_tables/happenings";
const view = "views/some_things";
const badMode = "extra has the mode OPTIONAL, not one of REQUIRED, NULLABLE, REPEATED";
const five = ["thing_id", "org_slug", "created_at", "version", "operation"];
const unpartitioned = { description, kind: "state", key: ["thing_id"], clustering: ["org_slug"] };
const day = column("usage_date", "DATE");
const lineage = lineageColumns.map((each) => ({ ...each, description }));

/** What is spoilt, where, by what, the problem reported there, and where else it is reported. */
type Case = [name: string, path: string, value: unknown, problem: string, at?: string];
const groups: Record<string, Case[]> = {
  files: [
    ["a missing schema file", "schemas/things", undefined, "has no schema file schemas/things.json", "/tables/things"],
    ["a stray schema file", "schemas/stray", [], "is a file that config.yml does not name"],
    ["a missing view file", view, undefined, "has no view file"],
    ["a stray view file", "views/more", {}, "is a file that config.yml does not name"],
    ["a further member", "config/streams", [], "Unexpected property"],
    ["no version", "config/version", undefined, "Expected required property"],
  ],
  tables: [
    ["a misspelt partition field", `${thing}/partition/field`, "created", "created is not a column"],
    ["a partition by text", `${thing}/partition/field`, "org_slug", "org_slug is STRING, not DATE or TIMESTAMP"],
    ["a partition by hour", `${thing}/partition/type`, "HOUR", "is HOUR, not DAY"],
    ["data without days", `${charge}/partition`, undefined, "is missing: rows of pipelines are kept by day"],
    ["a fifth cluster column", `${thing}/clustering`, five, "has 5 columns, not 1 to 4"],
    ["no cluster column", `${thing}/clustering`, [], "has 0 columns, not 1 to 4"],
    ["an unknown cluster column", `${thing}/clustering/0`, "org", "org is not a column"],
    ["a cluster column twice", `${thing}/clustering/1`, "org_slug", "org_slug stands twice"],
    ["clustering by a list", `${thing}/clustering/0`, "labels", "labels is REPEATED and cannot cluster"],
    ["clustering by JSON", `${thing}/clustering/0`, "extra", "extra is JSON and cannot cluster"],
    ["clustering by FLOAT64", `${thing}/clustering/0`, "share", "share is FLOAT64 and cannot cluster"],
    ["an unknown key column", `${thing}/key/0`, "id", "id is not a column"],
    ["a key that may be null", `${thing}/key/0`, "extra", "extra is a key column and not REQUIRED"],
    ["a key column twice", `${thing}/key/1`, "thing_id", "thing_id stands twice"],
    ["no key", `${thing}/key`, undefined, "is missing"],
    ["an empty key", `${thing}/key`, [], "is missing"],
    ["a key of events", `${happening}/key`, ["event_id"], "must be absent: an event has one row per event_id"],
    ["an empty description", `${thing}/description`, " ", "is empty"],
    ["an unknown kind", `${thing}/kind`, "view", "is view, not state, event, data or journal"],
    ["a further member", `${thing}/owner`, "me", "Unexpected property"],
    ["no clustering", `${thing}/clustering`, undefined, "Expected required property"],
    [
      "a table in both lists",
      "config/extension_tables/things",
      unpartitioned,
      "is the name of two tables or views",
      "/things",
    ],
  ],
  columns: [
    ["a FLOAT64 cost", "schemas/things/6", column("total_cost", "FLOAT64"), `total_cost ${exact}`],
    ["a FLOAT64 price", "schemas/things/6", column("ListUnitPrice", "FLOAT64"), `ListUnitPrice ${exact}`],
    ["a FLOAT64 amount", "schemas/things/6", column("budget_amount", "FLOAT64"), `budget_amount ${exact}`],
    ["a FLOAT64 quantity", "schemas/things/6", column("quantity", "FLOAT64"), `quantity ${exact}`],
    ["a FLOAT64 rate", "schemas/things/6", column("hourly_rate", "FLOAT64"), `hourly_rate ${exact}`],
    [
      "x_ in state",
      "schemas/things/5/name",
      "x_run_id",
      "x_run_id is an x_ column in a table of kind state",
      "/schemas/things/5",
    ],
    [
      "x_ in events",
      "schemas/happenings/0/name",
      "x_a",
      "x_a is an x_ column in a table of kind event",
      "/schemas/happenings/0",
    ],
    [
      "x_ in camel case",
      "schemas/charges",
      [day, column("x_PriceId", "STRING"), ...lineage],
      "x_PriceId is an x_ column not in snake case",
      "/schemas/charges/1",
    ],
    [
      "a missing lineage column",
      "schemas/charges",
      [day, ...lineage.slice(0, -1)],
      "lacks the lineage column x_simulated",
    ],
    [
      "another mode of lineage",
      "schemas/charges/6/mode",
      "NULLABLE",
      "x_run_id must be STRING REQUIRED",
      "/schemas/charges",
    ],
    [
      "another type of lineage",
      "schemas/charges/6/type",
      "INT64",
      "x_run_id must be STRING REQUIRED",
      "/schemas/charges",
    ],
    ["a column behind lineage", "schemas/charges", [...lineage, day], "has columns behind the lineage block"],
    [
      "an empty description",
      "schemas/things/0/description",
      "",
      "thing_id has an empty description",
      "/schemas/things/0",
    ],
    [
      "INTEGER",
      "schemas/things/1/type",
      "INTEGER",
      `org_slug has the type INTEGER, not one of ${types}`,
      "/schemas/things/1",
    ],
    [
      "BOOLEAN",
      "schemas/things/1/type",
      "BOOLEAN",
      `org_slug has the type BOOLEAN, not one of ${types}`,
      "/schemas/things/1",
    ],
    [
      "NUMERIC",
      "schemas/things/1/type",
      "NUMERIC",
      `org_slug has the type NUMERIC, not one of ${types}`,
      "/schemas/things/1",
    ],
    ["an unknown mode", "schemas/things/4/mode", "OPTIONAL", badMode, "/schemas/things/4"],
    ["a list of numbers", "schemas/things/3/type", "INT64", "labels is REPEATED and not STRING", "/schemas/things/3"],
    [
      "a name in two cases",
      "schemas/things/6",
      column("Extra", "STRING"),
      "Extra is the name of two columns",
      "/schemas/things",
    ],
    [
      "a history column",
      "schemas/things/6",
      column("version", "INT64"),
      "version is the name of two columns",
      "/schemas/things",
    ],
    ["a bad name", "schemas/things/6", column("a-b", "STRING"), "a-b is not a column name"],
    ["a further member", "schemas/things/0/default", "x", "Unexpected property"],
    ["no columns", "schemas/happenings", [], "has no columns"],
  ],
  views: [
    ["no such table", `${view}/source`, "nothing", "nothing is not a table or its _current view"],
    ["an unknown column", `${view}/columns/1`, "no", "no is not a column of things_current"],
    ["a column in two cases", `${view}/columns/2`, { name: "A", from: "extra" }, "A is the name of two columns"],
    ["a bad column name", `${view}/columns/1`, { name: "a b", from: "extra" }, "a b is not a column name"],
    ["mixed types", `${view}/columns/1`, { name: "b", from: ["thing_id", "extra"] }, "b mixes types"],
    ["a filter of another type", `${view}/where/org_slug`, true, "is not a BOOL column of things_current"],
    [
      "a filter that is more than a value",
      `${view}/where/org_slug`,
      "a' OR 'a' = 'a",
      `"a' OR 'a' = 'a" is not plain text`,
    ],
    [
      "rows grouped by a list",
      `${view}/columns`,
      [
        { name: "a", from: "labels" },
        { name: "b", from: "thing_id", aggregate: "count" },
      ],
      "a is REPEATED or JSON and cannot group rows",
      "/views/some_things/columns/0",
    ],
    ["free SQL", `${view}/sql`, "SELECT 1", "Unexpected property"],
  ],
};

describe.each(Object.entries(groups))("in %s names", (_, cases) => {
  test.each(cases)("%s, and nothing else", (_name, path, value, problem, at = `/${path.replace("config/", "")}`) => {
    const files = sound();
    spoil(files, path, value);

    expect(faultsOf(files)).toEqual([`${at} ${problem}`]);
  });
});

test.each(["../x", "Things", "a-b", ""])("refuses the table name %j", (name) => {
  const files = sound();
  Object.assign(files.schemas, { [name]: files.schemas["things"] });
  Object.assign((files.config as { tables: object }).tables, { [name]: unpartitioned });

  expect(faultsOf(files)).toContain(`/tables/${name} is not a table name`);
});

test.each(["things_current", "Charges", "charges"])("refuses a view named as something else: %s", (name) => {
  const files = sound();
  spoil(files, "config/views/0", name);
  files.views = { [name]: files.views["some_things"] };

  expect(faultsOf(files)).toContain(`/${name} is the name of two tables or views`);
});

test("lets the journal name its rows by x_ columns", () => {
  const files = sound();
  spoil(files, `${thing}/kind`, "journal");
  spoil(files, "schemas/things/6", column("x_run_id", "STRING"));
  spoil(files, "views/some_things/where", {});

  expect(faultsOf(files)).toEqual([]);
});

test.each([null, 1, "x", [], {}])("refuses %j as a configuration", (config) => {
  expect(faultsOf({ config, schemas: {}, views: {} })).not.toEqual([]);
});

// tables.md, shown done 1
test("reports all faults of the shipped files at once", async () => {
  const schemas: Record<string, unknown> = {};
  for (const name of await configFolder("bootstrap/schemas")) {
    schemas[name.replace(".json", "")] = await configFile(`bootstrap/schemas/${name}`);
  }
  const views = { org_kms_keys: await configFile("bootstrap/views/org_kms_keys.yml") };
  const files = { config: await configFile("bootstrap/config.yml"), schemas, views };
  expect(faultsOf(files)).toEqual([]);

  spoil(files, "schemas/org_profiles", undefined);
  spoil(files, "config/tables/org_api_keys/partition/field", "createdat");
  spoil(files, "schemas/org_cost_tracking/0", column("further_cost", "FLOAT64"));
  spoil(files, "config/tables/org_hierarchy/clustering/4", "depth");
  spoil(files, "schemas/org_subscriptions/3", column("x_run_id", "STRING"));

  expect(faultsOf(files)).toEqual([
    "/tables/org_profiles has no schema file schemas/org_profiles.json",
    "/tables/org_api_keys/partition/field createdat is not a column",
    "/schemas/org_subscriptions/3 x_run_id is an x_ column in a table of kind state",
    "/tables/org_subscriptions/clustering/1 status is not a column",
    "/tables/org_hierarchy/clustering has 5 columns, not 1 to 4",
    `/schemas/org_cost_tracking/0 further_cost ${exact}`,
  ]);
});
