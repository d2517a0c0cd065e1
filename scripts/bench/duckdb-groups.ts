import type { DuckDBConnection } from "@duckdb/node-api";
import { addText, noGroups, type YearGroups } from "./year-groups.ts";

/** The groups of a cost summary by SQL over one Parquet file: one statement with grouping sets, the fastest form. */
export async function duckdbGroups(
  connection: DuckDBConnection,
  file: string,
  range: { start: string; end: string },
): Promise<YearGroups> {
  const reader = await connection.runAndReadAll(statement(file, range));
  const groups = noGroups();
  for (const record of reader.getRowObjects() as Record<string, unknown>[]) {
    const { day, service, provider, category, charge } = record;
    if (day !== null) addText(groups.days, [day], record);
    else if (service !== null) addText(groups.services, [provider, service], record);
    else addText(groups.kinds, [provider, category, charge], record);
  }
  return groups;
}

function statement(file: string, { start, end }: { start: string; end: string }): string {
  const sum = (name: string, amount: string): string => `CAST(SUM(${amount}) AS VARCHAR) AS ${name}`;
  const isSaving =
    "ChargeClass IS NULL AND (ChargeCategory = 'Usage' OR (ChargeCategory = 'Purchase' AND EffectiveCost <> 0))";
  return `
    SELECT x_provider AS provider, x_category AS category, ChargeCategory AS charge, x_simulated AS simulated,
      ServiceName AS service, ServiceCategory AS service_category, BillingCurrency AS currency,
      CAST(x_charge_date AS VARCHAR) AS day,
      ${sum("effective", "EffectiveCost")}, ${sum("billed", "BilledCost")}, ${sum("list", "ListCost")},
      ${sum("contracted", "ContractedCost")},
      ${sum("negotiated", `CASE WHEN ${isSaving} THEN ListCost - ContractedCost ELSE 0 END`)},
      ${sum("commitment", `CASE WHEN ${isSaving} THEN ContractedCost - EffectiveCost ELSE 0 END`)},
      ${sum("credits", "CASE WHEN ChargeCategory = 'Credit' THEN BilledCost ELSE 0 END")},
      COUNT(*) AS rows
    FROM read_parquet('${file}')
    WHERE x_counted AND x_charge_date BETWEEN DATE '${start}' AND DATE '${end}'
    GROUP BY GROUPING SETS (
      (BillingCurrency, x_provider, x_category, ChargeCategory, x_simulated),
      (BillingCurrency, x_provider, ServiceName, ServiceCategory),
      (BillingCurrency, x_charge_date))`;
}
