import { beforeAll, describe, expect, test } from "vitest";
import { isLineageColumn, lineageColumns } from "#shared/lineage/lineage.ts";
import { configFile, configFolder } from "#shared/platform/config-files.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { loadTableConfig } from "./load-table-config.ts";
import { parseTableConfig, type TableConfig } from "./table-config.ts";

const central =
  "org_profiles org_api_keys org_subscriptions org_usage_quotas org_integration_credentials org_hierarchy_levels org_hierarchy org_pipeline_configs org_scheduled_pipeline_runs org_pipeline_execution_queue org_meta_pipeline_runs org_meta_step_logs org_meta_state_transitions org_meta_dq_results org_audit_logs org_cost_tracking org_idempotency_keys org_notification_channels org_notification_rules org_notification_summaries org_notification_history";
const extensions = "org_budgets org_budget_allocations org_scheduled_alerts org_alert_history";
const ofOrganizations =
  "gcp_billing_daily_raw genai_usage_daily_raw genai_billed_daily_raw genai_computed_daily genai_activity_daily_raw focus_import_daily_raw usage_events_raw saas_costs_daily cost_data_standard published_batches genai_model_prices saas_subscription_plans hierarchy_entities";
// reference: FOCUS 1.3 and 1.4 together
const focus =
  "AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit CommitmentProgramEligibilityDetails ConsumedQuantity ConsumedUnit ContractApplied ContractedCost ContractedUnitPrice EffectiveCost HostProviderName InvoiceDetailId InvoiceId InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceProviderName ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags".split(
    " ",
  );
const since13 =
  "AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags ContractApplied HostProviderName ServiceProviderName".split(
    " ",
  );
const since14 = ["CommitmentProgramEligibilityDetails", "InvoiceDetailId"];
const gone14 = ["ProviderName", "PublisherName"];

describe("the shipped tables", () => {
  let bootstrap: TableConfig;
  let organizations: TableConfig;
  beforeAll(async () => {
    bootstrap = await loadTableConfig("bootstrap");
    organizations = await loadTableConfig("organizations");
  });
  const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name);
  const columnsOf = (name: string) =>
    [...bootstrap.tables, ...organizations.tables].find((table) => table.name === name)?.columns ?? [];

  // tables.md, shown done 1
  test("are those of the specification", () => {
    expect(namesOf(bootstrap.tables)).toEqual(central.split(" "));
    expect(namesOf(bootstrap.extensionTables)).toEqual(extensions.split(" "));
    expect(namesOf(organizations.tables)).toEqual(ofOrganizations.split(" "));
    expect(organizations.extensionTables).toEqual([]);
  });

  test("are counted from the files alone", async () => {
    const files = [await configFolder("bootstrap/schemas"), await configFolder("organizations/schemas")];

    expect(bootstrap.tables.length + bootstrap.extensionTables.length).toBe(files[0]?.length);
    expect(organizations.tables.length).toBe(files[1]?.length);
  });

  test("have their views", () => {
    const kept = ["focus_1_2", "focus_1_3", "focus_1_4", "openai_model_pricing", "openai_subscriptions"];

    expect(namesOf(bootstrap.views)).toEqual(["org_kms_keys"]);
    expect(namesOf(organizations.views)).toEqual(kept);
  });

  test("carry history columns exactly when they are state or event tables", () => {
    const history = ["event_id", "version", "operation", "recorded_at"];
    for (const { name, kind, columns } of [
      ...bootstrap.tables,
      ...bootstrap.extensionTables,
      ...organizations.tables,
    ]) {
      const last = columns.slice(-4);

      const hasHistory = kind === "state" || kind === "event";
      expect(namesOf(last).join() === history.join(), name).toBe(hasHistory);
      if (hasHistory) expect(last.every(({ mode }) => mode === "REQUIRED")).toBe(true);
    }
  });

  test("carry the lineage block at the end of every data table, in its order", () => {
    for (const { name, columns } of organizations.tables.filter(({ kind }) => kind === "data")) {
      expect(columns.slice(-lineageColumns.length), name).toMatchObject([...lineageColumns]);
    }
  });

  test("cost_data_standard holds the columns of FOCUS, then the x_ columns", () => {
    const names = namesOf(columnsOf("cost_data_standard"));

    expect(new Set(names.filter((name) => !name.startsWith("x_")))).toEqual(new Set(focus));
    expect(names.slice(0, focus.length).every((name) => !name.startsWith("x_"))).toBe(true);
  });

  // tables.md 4
  test("cost_data_standard requires exactly the columns every charge has", () => {
    const required =
      "BilledCost EffectiveCost ListCost ContractedCost BillingAccountId BillingCurrency BillingPeriodStart BillingPeriodEnd ChargePeriodStart ChargePeriodEnd ChargeCategory ChargeFrequency ServiceCategory ServiceSubcategory ServiceName ServiceProviderName HostProviderName InvoiceIssuerName ProviderName PublisherName " +
      "x_charge_date x_row_id x_provider x_category x_source_system x_cost_source x_cost_basis x_cost_status x_counted";

    const own = columnsOf("cost_data_standard").filter(({ name }) => !isLineageColumn(name));

    const found = own.filter(({ mode }) => mode === "REQUIRED");
    expect(new Set(namesOf(found))).toEqual(new Set(required.split(" ")));
    expect(own.filter(({ mode }) => mode === "REPEATED")).toEqual([]);
  });

  test("cost_data_standard types its columns as FOCUS does, decimals as BIGNUMERIC", () => {
    const columns = columnsOf("cost_data_standard").slice(0, focus.length);
    const typed = (wanted: string) => namesOf(columns.filter(({ type }) => type === wanted));

    const times = ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"];
    const json =
      "AllocatedMethodDetails AllocatedTags CommitmentProgramEligibilityDetails ContractApplied SkuPriceDetails";
    expect(new Set(columns.map(({ type }) => type))).toEqual(new Set(["BIGNUMERIC", "JSON", "STRING", "TIMESTAMP"]));
    expect(typed("TIMESTAMP")).toEqual(times);
    expect(typed("JSON")).toEqual([...json.split(" "), "Tags"]);
    expect(typed("BIGNUMERIC")).toEqual(namesOf(columns).filter((name) => /(Cost|Price|Quantity)$/.test(name)));
  });

  // tables.md, shown done 8
  test.each([
    ["focus_1_2", [...since13, ...since14]],
    ["focus_1_3", since14],
    ["focus_1_4", gone14],
  ])("%s shows counted published rows without the columns its version lacks, x_ columns last", (name, dropped) => {
    const view = organizations.views.find((each) => each.name === name);

    const names = namesOf(view?.columns ?? []);
    const ofFocus = focus.filter((column) => !dropped.includes(column));
    const lineage = namesOf(columnsOf("cost_data_standard")).filter((column) => column.startsWith("x_"));
    expect(view).toMatchObject({
      source: "cost_data_standard_current",
      where: [{ column: "x_counted", equals: true }],
    });
    expect(new Set(names.slice(0, ofFocus.length))).toEqual(new Set(ofFocus));
    expect(names.slice(ofFocus.length)).toEqual(lineage);
  });
});

describe("parseTableConfig", () => {
  interface Files {
    config: {
      dataset: unknown;
      tables: Record<string, Record<string, unknown>>;
      extension_tables: Record<string, Record<string, unknown>>;
      views: string[];
      [further: string]: unknown;
    };
    schemas: Record<string, Record<string, unknown>[]>;
    views: Record<string, Record<string, unknown>>;
  }
  const column = (name: string, type: string, mode = "REQUIRED") => ({
    name,
    type,
    mode,
    description: `About ${name}`,
  });
  /** Two sound tables, one of state and one of data, and a view. */
  function sound(): Files {
    return {
      config: {
        version: 3,
        dataset: { name: "d", description: "A dataset" },
        tables: {
          things: {
            description: "Things",
            kind: "state",
            key: ["thing_id"],
            partition: { field: "created_at", type: "DAY", expiration_days: 2 },
            clustering: ["org_slug"],
          },
          charges: {
            description: "Charges",
            kind: "data",
            key: ["x_source_record_id"],
            partition: { field: "usage_date", type: "DAY", expiration_days: null },
            clustering: ["x_batch_id"],
          },
        },
        extension_tables: { happenings: { description: "Happenings", kind: "event", clustering: ["org_slug"] } },
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
        charges: [
          column("usage_date", "DATE"),
          ...lineageColumns.map(({ name, type, mode }) => ({ name, type, mode, description: name })),
        ],
        happenings: [column("org_slug", "STRING")],
      },
      views: {
        some_things: { description: "Some", source: "things_current", where: { org_slug: "a" }, columns: ["thing_id"] },
      },
    };
  }
  function faultsOf(files: unknown): string[] {
    try {
      parseTableConfig(files as Parameters<typeof parseTableConfig>[0]);
    } catch (error) {
      if (isAppError(error, "TABLE_CONFIG_INVALID"))
        return error.fields.map(({ path, problem }) => `${path} ${problem}`);
      throw error;
    }
    return [];
  }

  test("answers sound files as definitions", () => {
    const config = parseTableConfig(sound());

    expect(config).toMatchObject({ version: 3, dataset: { name: "d", description: "A dataset" } });
    expect(config.tables[0]).toMatchObject({
      name: "things",
      kind: "state",
      key: ["thing_id"],
      partition: { field: "created_at", type: "DAY", expirationDays: 2 },
      clustering: ["org_slug"],
    });
    expect(config.tables[0]?.columns.map(({ name }) => name).slice(-4)).toEqual([
      "event_id",
      "version",
      "operation",
      "recorded_at",
    ]);
    expect(config.extensionTables[0]).toMatchObject({ name: "happenings", key: ["event_id"], partition: undefined });
    expect(config.views).toEqual([
      {
        name: "some_things",
        description: "Some",
        source: "things_current",
        where: [{ column: "org_slug", equals: "a" }],
        columns: [{ name: "thing_id", from: ["thing_id"], aggregate: undefined }],
      },
    ]);
  });

  const things = (files: Files) => files.config.tables["things"] ?? {};
  const schemaOf = (files: Files, name: string) => files.schemas[name] ?? [];
  const first = (files: Files, name: string) => schemaOf(files, name)[0] ?? {};
  const view = (files: Files) => files.views["some_things"] ?? {};

  test.each<[string, (files: Files) => void, string]>([
    [
      "a missing schema file",
      (f) => delete f.schemas["things"],
      "/tables/things has no schema file schemas/things.json",
    ],
    [
      "a schema file without a table",
      (f) => {
        f.schemas["stray"] = [column("a", "STRING")];
      },
      "/schemas/stray is a file that config.yml does not name",
    ],
    [
      "a misspelt partition field",
      (f) => {
        things(f)["partition"] = { field: "creatd_at", type: "DAY", expiration_days: null };
      },
      "/tables/things/partition/field creatd_at is not a column",
    ],
    [
      "a partition by text",
      (f) => {
        things(f)["partition"] = { field: "org_slug", type: "DAY", expiration_days: null };
      },
      "/tables/things/partition/field org_slug is STRING, not DATE or TIMESTAMP",
    ],
    [
      "a partition by hour",
      (f) => {
        things(f)["partition"] = { field: "created_at", type: "HOUR", expiration_days: null };
      },
      "/tables/things/partition/type is HOUR, not DAY",
    ],
    [
      "a data table without partition",
      (f) => delete f.config.tables["charges"]?.["partition"],
      "/tables/charges/partition is missing: rows of pipelines are kept by day",
    ],
    [
      "a FLOAT64 cost",
      (f) => schemaOf(f, "things").push(column("total_cost", "FLOAT64")),
      "/schemas/things/6 total_cost is FLOAT64 but holds money, a price or a quantity",
    ],
    [
      "a FLOAT64 price",
      (f) => schemaOf(f, "things").push(column("ListUnitPrice", "FLOAT64")),
      "/schemas/things/6 ListUnitPrice is FLOAT64 but holds money, a price or a quantity",
    ],
    [
      "a FLOAT64 amount",
      (f) => schemaOf(f, "things").push(column("budget_amount", "FLOAT64")),
      "/schemas/things/6 budget_amount is FLOAT64 but holds money, a price or a quantity",
    ],
    [
      "a FLOAT64 quantity",
      (f) => schemaOf(f, "things").push(column("quantity", "FLOAT64")),
      "/schemas/things/6 quantity is FLOAT64 but holds money, a price or a quantity",
    ],
    [
      "a FLOAT64 rate",
      (f) => schemaOf(f, "things").push(column("hourly_rate", "FLOAT64")),
      "/schemas/things/6 hourly_rate is FLOAT64 but holds money, a price or a quantity",
    ],
    [
      "a fifth cluster column",
      (f) => {
        schemaOf(f, "things").push(column("a", "STRING"), column("b", "STRING"));
        things(f)["clustering"] = ["thing_id", "org_slug", "created_at", "a", "b"];
      },
      "/tables/things/clustering has 5 columns, not 1 to 4",
    ],
    [
      "no cluster column",
      (f) => {
        things(f)["clustering"] = [];
      },
      "/tables/things/clustering has 0 columns, not 1 to 4",
    ],
    [
      "an unknown cluster column",
      (f) => {
        things(f)["clustering"] = ["org"];
      },
      "/tables/things/clustering/0 org is not a column",
    ],
    [
      "a cluster column twice",
      (f) => {
        things(f)["clustering"] = ["org_slug", "org_slug"];
      },
      "/tables/things/clustering/1 org_slug stands twice",
    ],
    [
      "clustering by a list",
      (f) => {
        things(f)["clustering"] = ["labels"];
      },
      "/tables/things/clustering/0 labels is REPEATED and cannot cluster",
    ],
    [
      "clustering by JSON",
      (f) => {
        things(f)["clustering"] = ["extra"];
      },
      "/tables/things/clustering/0 extra is JSON and cannot cluster",
    ],
    [
      "clustering by FLOAT64",
      (f) => {
        things(f)["clustering"] = ["share"];
      },
      "/tables/things/clustering/0 share is FLOAT64 and cannot cluster",
    ],
    [
      "an x_ column in a state table",
      (f) => schemaOf(f, "things").push(column("x_run_id", "STRING")),
      "/schemas/things/6 x_run_id is an x_ column in a table of kind state",
    ],
    [
      "an x_ column in an event table",
      (f) => schemaOf(f, "happenings").push(column("x_run_id", "STRING")),
      "/schemas/happenings/1 x_run_id is an x_ column in a table of kind event",
    ],
    [
      "an x_ column in camel case",
      (f) => schemaOf(f, "charges").splice(1, 0, column("x_PriceId", "STRING")),
      "/schemas/charges/1 x_PriceId is an x_ column not in snake case",
    ],
    [
      "a missing lineage column",
      (f) => schemaOf(f, "charges").splice(6, 1),
      "/schemas/charges lacks the lineage column x_run_id",
    ],
    [
      "a lineage column of another mode",
      (f) => Object.assign(schemaOf(f, "charges")[6] ?? {}, { mode: "NULLABLE" }),
      "/schemas/charges x_run_id must be STRING REQUIRED",
    ],
    [
      "a column behind the lineage block",
      (f) => schemaOf(f, "charges").push(column("late", "STRING")),
      "/schemas/charges has columns behind the lineage block",
    ],
    [
      "an unknown key column",
      (f) => {
        things(f)["key"] = ["id"];
      },
      "/tables/things/key/0 id is not a column",
    ],
    [
      "a key column that may be null",
      (f) => {
        things(f)["key"] = ["extra"];
      },
      "/tables/things/key/0 extra is a key column and not REQUIRED",
    ],
    [
      "a key column twice",
      (f) => {
        things(f)["key"] = ["thing_id", "thing_id"];
      },
      "/tables/things/key/1 thing_id stands twice",
    ],
    ["no key", (f) => delete things(f)["key"], "/tables/things/key is missing"],
    [
      "a key of events",
      (f) => Object.assign(f.config.extension_tables["happenings"] ?? {}, { key: ["org_slug"] }),
      "/extension_tables/happenings/key must be absent: an event has one row per event_id",
    ],
    [
      "an empty table description",
      (f) => {
        things(f)["description"] = " ";
      },
      "/tables/things/description is empty",
    ],
    [
      "an empty column description",
      (f) => Object.assign(first(f, "things"), { description: "" }),
      "/schemas/things/0 thing_id has an empty description",
    ],
    [
      "an unknown kind",
      (f) => {
        things(f)["kind"] = "view";
      },
      "/tables/things/kind is view, not state, event, data or journal",
    ],
    [
      "a second spelling of a type",
      (f) => Object.assign(schemaOf(f, "things")[1] ?? {}, { type: "INTEGER" }),
      "/schemas/things/1 org_slug has the type INTEGER, not one of STRING, INT64, BIGNUMERIC, BOOL, DATE, TIMESTAMP, JSON, FLOAT64",
    ],
    [
      "NUMERIC",
      (f) => Object.assign(schemaOf(f, "things")[4] ?? {}, { type: "NUMERIC" }),
      "/schemas/things/4 extra has the type NUMERIC, not one of STRING, INT64, BIGNUMERIC, BOOL, DATE, TIMESTAMP, JSON, FLOAT64",
    ],
    [
      "an unknown mode",
      (f) => Object.assign(schemaOf(f, "things")[4] ?? {}, { mode: "OPTIONAL" }),
      "/schemas/things/4 extra has the mode OPTIONAL, not one of REQUIRED, NULLABLE, REPEATED",
    ],
    [
      "a list of other than text",
      (f) => Object.assign(schemaOf(f, "things")[3] ?? {}, { type: "INT64" }),
      "/schemas/things/3 labels is REPEATED and not STRING",
    ],
    [
      "a column twice, in another case",
      (f) => schemaOf(f, "things").push(column("Extra", "STRING")),
      "/schemas/things Extra is the name of two columns",
    ],
    [
      "a column named as a history column",
      (f) => schemaOf(f, "things").push(column("version", "INT64")),
      "/schemas/things version is the name of two columns",
    ],
    [
      "a bad column name",
      (f) => schemaOf(f, "things").push(column("a-b", "STRING")),
      "/schemas/things/6 a-b is not a column name",
    ],
    [
      "a member no column has",
      (f) => Object.assign(first(f, "things"), { default: "x" }),
      "/schemas/things/0/default Unexpected property",
    ],
    [
      "a schema without columns",
      (f) => {
        f.schemas["happenings"] = [];
        f.config.extension_tables["happenings"] = { description: "H", kind: "event", clustering: ["event_id"] };
      },
      "/schemas/happenings has no columns",
    ],
    [
      "a member no table has",
      (f) => {
        things(f)["require_key"] = true;
      },
      "/tables/things/require_key Unexpected property",
    ],
    [
      "a member no configuration has",
      (f) => {
        f.config["streams"] = [];
      },
      "/streams Unexpected property",
    ],
    ["no version", (f) => delete f.config["version"], "/version Expected required property"],
    [
      "a bad table name",
      (f) => {
        f.config.tables["../x"] = { ...things(f) };
        f.schemas["../x"] = schemaOf(f, "things");
      },
      "/tables/../x is not a table name",
    ],
    [
      "a table in both lists",
      (f) => {
        f.config.extension_tables["things"] = { ...things(f) };
        f.config.views = [];
        f.views = {};
      },
      "/things is the name of two tables or views",
    ],
    [
      "a table named as a _current view",
      (f) => {
        f.config.tables["happenings_current"] = { ...things(f) };
        f.schemas["happenings_current"] = schemaOf(f, "things");
      },
      "/happenings_current is the name of two tables or views",
    ],
    ["a view without its file", (f) => f.config.views.push("more"), "/views/more has no view file"],
    [
      "a view file without its entry",
      (f) => {
        f.views["more"] = view(f);
      },
      "/views/more is a file that config.yml does not name",
    ],
    [
      "a view of no table",
      (f) => {
        view(f)["source"] = "nothing";
      },
      "/views/some_things/source nothing is not a table or its _current view",
    ],
    [
      "a view of an unknown column",
      (f) => {
        view(f)["columns"] = ["thing_id", "nothing"];
      },
      "/views/some_things/columns/1 nothing is not a column of things_current",
    ],
    [
      "a view with a column twice",
      (f) => {
        view(f)["columns"] = ["thing_id", { name: "Thing_Id", from: "org_slug" }];
      },
      "/views/some_things/columns/1 Thing_Id is the name of two columns",
    ],
    [
      "a view that mixes types",
      (f) => {
        view(f)["columns"] = [{ name: "a", from: ["thing_id", "created_at"] }];
      },
      "/views/some_things/columns/0 a mixes types",
    ],
    [
      "a view filtered by another type",
      (f) => {
        view(f)["where"] = { org_slug: true };
      },
      "/views/some_things/where/org_slug is not a BOOL column of things_current",
    ],
    [
      "free SQL in a view",
      (f) => {
        view(f)["sql"] = "SELECT 1";
      },
      "/views/some_things/sql Unexpected property",
    ],
  ])("names %s, and nothing else", (_, spoil, fault) => {
    const files = sound();
    spoil(files);

    expect(faultsOf(files)).toEqual([fault]);
  });

  // tables.md, shown done 1
  test("reports all faults of the shipped files at once", async () => {
    const config = (await configFile("bootstrap/config.yml")) as Files["config"];
    const schemas: Files["schemas"] = {};
    for (const name of await configFolder("bootstrap/schemas")) {
      schemas[name.replace(".json", "")] = (await configFile(`bootstrap/schemas/${name}`)) as Record<string, unknown>[];
    }
    const views = { org_kms_keys: await configFile("bootstrap/views/org_kms_keys.yml") };
    expect(faultsOf({ config, schemas, views })).toEqual([]);
    delete schemas["org_profiles"];
    Object.assign(config.tables["org_api_keys"] ?? {}, {
      partition: { field: "createdat", type: "DAY", expiration_days: null },
    });
    schemas["org_cost_tracking"]?.push(column("further_cost", "FLOAT64"));
    Object.assign(config.tables["org_hierarchy"] ?? {}, {
      clustering: ["org_slug", "level", "level_code", "is_active", "depth"],
    });
    schemas["org_subscriptions"]?.push(column("x_run_id", "STRING"));

    const faults = faultsOf({ config, schemas, views });

    expect(faults).toEqual([
      "/tables/org_profiles has no schema file schemas/org_profiles.json",
      "/tables/org_api_keys/partition/field createdat is not a column",
      expect.stringMatching(/^\/schemas\/org_subscriptions\/\d+ x_run_id is an x_ column in a table of kind state$/),
      "/tables/org_hierarchy/clustering has 5 columns, not 1 to 4",
      expect.stringMatching(/^\/schemas\/org_cost_tracking\/\d+ further_cost is FLOAT64 /),
    ]);
  });

  test.each([null, 1, "x", [], {}])("refuses %j as a configuration", (config) => {
    expect(faultsOf({ config, schemas: {}, views: {} })).not.toEqual([]);
  });
});
