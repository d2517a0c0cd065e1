import { beforeAll, describe, expect, test } from "vitest";
import { isLineageColumn, lineageColumns } from "#shared/lineage/lineage.ts";
import { configFolder } from "#shared/platform/config-files.ts";
import { loadTableConfig } from "./load-table-config.ts";
import type { TableConfig } from "./table-config.ts";

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
