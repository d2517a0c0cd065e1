import pl, { type LazyDataFrame } from "nodejs-polars";
import type { Column, ColumnType } from "./table.ts";

/** What of a plan is filled in here; the rest stays as polars wrote it. */
interface ScanPlan {
  Scan: {
    sources: { Paths: { inner: string }[] };
    unified_scan_args: object;
    scan_type: { Parquet: { options: object } };
  };
}

/** `dataTypeOf` as plans write it. */
const planTypes: Readonly<Record<ColumnType, unknown>> = {
  STRING: "String",
  INT64: "Int64",
  BIGNUMERIC: { Decimal: [38, 12] },
  BOOL: "Boolean",
  DATE: "Date",
  TIMESTAMP: { Datetime: ["Microseconds", { inner: "UTC" }] },
  JSON: "String",
  FLOAT64: "Float64",
};

let template: ScanPlan | undefined;

/**
 * The columns of many files as one scan, in the order of the paths; a column that a file lacks is null there, others are
 * not looked at. `scanParquet` takes one path, and a scan of its own for each file costs twice what the file does: its
 * plan is taken as text and given all paths and the schema, so that no file is opened for that. Small chunks would make
 * everything after it slow, so that it ends with one. Collecting it fails when a file is missing, cut or of other types.
 */
export function scanFiles(paths: readonly string[], columns: readonly Column[]): LazyDataFrame {
  template ??= JSON.parse(String(pl.scanParquet("any.parquet", { glob: false }).serialize("json"))) as ScanPlan;
  const { sources, unified_scan_args: args, scan_type: type } = template.Scan;
  const fields = Object.fromEntries(columns.map((column) => [column.name, planTypeOf(column)]));
  const plan: ScanPlan = {
    Scan: {
      sources: { ...sources, Paths: paths.map((inner) => ({ inner })) },
      unified_scan_args: { ...args, rechunk: true, missing_columns_policy: "Insert", extra_columns_policy: "Ignore" },
      scan_type: { Parquet: { options: { ...type.Parquet.options, schema: { fields, metadata: null } } } },
    },
  };
  return pl.LazyDataFrame.deserialize(Buffer.from(JSON.stringify(plan)), "json");
}

function planTypeOf({ type, mode }: Column): unknown {
  return mode === "REPEATED" ? { List: planTypes.STRING } : planTypes[type];
}
