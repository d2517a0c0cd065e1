import { type Static, Type } from "@sinclair/typebox";
import { Errors } from "@sinclair/typebox/errors";
import { Check } from "@sinclair/typebox/value";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { loadMinorDigits } from "#shared/money/currencies.ts";
import { configFile } from "#shared/platform/config-files.ts";
import type { ColumnType, TableDefinition } from "#shared/platform/warehouse/table.ts";
import { AppError } from "#shared/runtime/errors.ts";

const strict = { additionalProperties: false };
const name = Type.String({ pattern: "^[A-Z][A-Za-z]+$" });

const ColumnsFile = Type.Object(
  {
    columns: Type.Record(
      name,
      Type.Object(
        { since: Type.String({ pattern: "^1\\.\\d$" }), values: Type.Optional(Type.Array(Type.String())) },
        strict,
      ),
      strict,
    ),
    mandatory: Type.Array(name),
    renamed: Type.Record(Type.String(), name),
  },
  strict,
);

const TaxonomyFile = Type.Object({ categories: Type.Record(Type.String(), Type.Array(Type.String())) }, strict);

export interface FocusColumn {
  name: string;
  type: ColumnType;
  /** The FOCUS version that brought it. */
  since: string;
  /** What it may hold, where the specification lists it. */
  values: readonly string[] | undefined;
}

/** FOCUS as we store it: its columns in our types, its lists of values, and the two tables a file is written to. */
export interface FocusModel {
  columns: ReadonlyMap<string, FocusColumn>;
  mandatory: readonly string[];
  /** Names of previews of the specification, and what they are called now. */
  renamed: Readonly<Record<string, string>>;
  /** `category/subcategory`. */
  subcategories: readonly string[];
  /** ISO 4217. */
  currencies: readonly string[];
  costTable: TableDefinition;
  rawTable: TableDefinition;
}

let loaded: Promise<FocusModel> | undefined;

/** Read once from `configs/focus/` and the tables' schemas. Throws `CONFIG_FILE_INVALID`. */
export function focusModel(): Promise<FocusModel> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<FocusModel> {
  const [listed, taxonomy, currencies, { tables }] = await Promise.all([
    configFile("focus/columns.yml").then((content) => checked(ColumnsFile, content, "focus/columns.yml")),
    configFile("focus/taxonomy.yml").then((content) => checked(TaxonomyFile, content, "focus/taxonomy.yml")),
    loadMinorDigits(),
    loadTableConfig("organizations"),
  ]);
  const table = (wanted: string): TableDefinition => {
    const found = tables.find((each) => each.name === wanted);
    if (found === undefined) throw new AppError("CONFIG_FILE_INVALID", `There is no table ${wanted}.`);
    return found;
  };
  const costTable = table("cost_data_standard");
  return {
    columns: columnsOf(listed, costTable),
    mandatory: listed.mandatory,
    renamed: listed.renamed,
    subcategories: Object.entries(taxonomy.categories).flatMap(([category, its]) =>
      its.map((subcategory) => `${category}/${subcategory}`),
    ),
    currencies: [...currencies.keys()],
    costTable,
    rawTable: table("focus_import_daily_raw"),
  };
}

function columnsOf(listed: Static<typeof ColumnsFile>, table: TableDefinition): ReadonlyMap<string, FocusColumn> {
  const own = table.columns.filter((column) => !column.name.startsWith("x_"));
  return new Map(
    own.map((column) => {
      const facts = listed.columns[column.name];
      if (facts === undefined) throw new AppError("CONFIG_FILE_INVALID", `focus/columns.yml lacks ${column.name}.`);
      return [column.name, { name: column.name, type: column.type, since: facts.since, values: facts.values }];
    }),
  );
}

function checked<T extends typeof ColumnsFile | typeof TaxonomyFile>(schema: T, content: unknown, file: string) {
  if (Check(schema, content)) return content;
  const fields = [...Errors(schema, content)].map(({ path, message }) => ({ path, problem: message }));
  throw new AppError("CONFIG_FILE_INVALID", `${file} is not what it should be.`, { fields });
}
