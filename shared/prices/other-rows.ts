import { createHash } from "node:crypto";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import { type ModelAlias, type Multiplier, type PriceVersion, type ProviderUnitPrice, unitMeters } from "./price.ts";
import { type FileRow, platformVersion, rowReader } from "./price-rows.ts";

/** Platform versions of provisioned capacity, from the rows of `genai_commitment.csv`. */
export function commitmentVersions(
  rows: readonly FileRow[],
  releasedAt: string,
  faults: FieldProblem[],
): PriceVersion[] {
  return rows.map((row, index) => {
    const cells = rowReader(row, "genai_commitment.csv", index, faults);
    const key = {
      flow: "commitment" as const,
      provider: cells.text("provider"),
      modelId: cells.text("model_id"),
      commitmentType: cells.choice("commitment_type", ["ptu", "gsu", "provisioned_throughput", "custom"]),
    };
    const terms = {
      unit_name: cells.text("unit_name"),
      hourly_rate: cells.decimal("hourly_rate"),
      monthly_rate: cells.decimal("monthly_rate"),
      min_units: cells.integer("min_units"),
      commitment_term_months: cells.integer("commitment_term_months"),
    };
    if (terms.hourly_rate === null && terms.monthly_rate === null)
      faults.push({ path: `/genai_commitment.csv:${index + 2}`, problem: "has neither an hourly nor a monthly rate" });
    return platformVersion(key, terms, cells, releasedAt);
  });
}

/** Platform versions of accelerators by instance type, from the rows of `genai_infrastructure.csv`. */
export function infrastructureVersions(
  rows: readonly FileRow[],
  releasedAt: string,
  faults: FieldProblem[],
): PriceVersion[] {
  return rows.map((row, index) => {
    const cells = rowReader(row, "genai_infrastructure.csv", index, faults);
    const key = {
      flow: "infrastructure" as const,
      provider: cells.text("provider"),
      modelId: cells.text("instance_type"),
      commitmentType: null,
    };
    const hourlyRate = cells.decimal("hourly_rate");
    if (hourlyRate === null)
      faults.push({ path: `/genai_infrastructure.csv:${index + 2}/hourly_rate`, problem: "is empty" });
    const terms = {
      resource_type: cells.choice("resource_type", ["gpu", "tpu", "cpu"]),
      gpu_type: cells.text("gpu_type"),
      gpu_count: cells.integer("gpu_count"),
      hourly_rate: hourlyRate,
      spot_discount_pct: cells.decimal("spot_discount_pct"),
      reserved_1yr_discount_pct: cells.decimal("reserved_1yr_discount_pct"),
      reserved_3yr_discount_pct: cells.decimal("reserved_3yr_discount_pct"),
    };
    return platformVersion(key, terms, cells, releasedAt);
  });
}

/** One hop only: an alias whose target is an alias is a fault. */
export function modelAliases(rows: readonly FileRow[], faults: FieldProblem[]): ModelAlias[] {
  const aliases = rows.map((row, index): ModelAlias => {
    const cells = rowReader(row, "model_aliases.csv", index, faults);
    return { provider: cells.text("provider"), alias: cells.text("alias"), modelId: cells.text("model_id") };
  });
  const names = new Set(aliases.map(({ provider, alias }) => `${provider}/${alias}`));
  for (const { provider, alias, modelId } of aliases) {
    if (names.has(`${provider}/${modelId}`))
      faults.push({ path: `/model_aliases.csv/${alias}`, problem: `${modelId} is an alias itself` });
  }
  return aliases;
}

export function multiplierRows(rows: readonly FileRow[], faults: FieldProblem[]): Multiplier[] {
  return rows.map((row, index) => {
    const cells = rowReader(row, "multipliers.csv", index, faults);
    return {
      provider: cells.text("provider"),
      model: cells.text("model"),
      dimension: cells.choice("dimension", ["region", "speed"]),
      value: cells.text("value"),
      factor: cells.decimal("factor") ?? "1",
      effectiveFrom: cells.day("effective_from"),
    };
  });
}

export function unitPriceRows(rows: readonly FileRow[], faults: FieldProblem[]): ProviderUnitPrice[] {
  return rows.map((row, index) => {
    const cells = rowReader(row, "genai_per_unit.csv", index, faults);
    const place = {
      provider: cells.text("provider"),
      meter: cells.choice("meter", unitMeters),
      effectiveFrom: cells.day("effective_from"),
    };
    const hash = createHash("sha256").update(JSON.stringify(place)).digest("hex");
    return {
      ...place,
      priceId: `def_${hash.slice(0, 24)}`,
      per: cells.integer("per") ?? 1,
      price: cells.decimal("price") ?? "0",
      currency: cells.text("currency"),
      asOf: cells.day("as_of"),
    };
  });
}
