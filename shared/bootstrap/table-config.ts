import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { ConfigShape, type Report, TableShape, wellFormed } from "./config-shapes.ts";
import { definedTable } from "./table-rules.ts";
import { definedView, type ViewDefinition } from "./view-rules.ts";

/** The tables of one dataset as `configs/<...>/` states them; every count in answers comes from here. */
export interface TableConfig {
  version: number;
  /** `name` may hold `{slug}` and `{suffix}`. */
  dataset: { name: string; description: string };
  tables: TableDefinition[];
  /** Made, checked and synced like the others, never counted among them. */
  extensionTables: TableDefinition[];
  /** Besides these every table has its `<table>_current`, which is derived and stands nowhere. */
  views: ViewDefinition[];
}

export interface TableConfigFiles {
  /** `config.yml`, parsed. */
  config: unknown;
  /** `schemas/<table>.json`, parsed, by table name. */
  schemas: Record<string, unknown>;
  /** `views/<name>.yml`, parsed, by view name. */
  views: Record<string, unknown>;
}

/**
 * Checks every rule of tables.md 1 "Configuration files" and answers the definitions, state and event tables with
 * their history columns. Throws `TABLE_CONFIG_INVALID` whose `fields` list all faults: paths are JSON pointers into
 * `config.yml`, or begin with `/schemas/<table>` or `/views/<name>`.
 */
export function parseTableConfig(files: TableConfigFiles): TableConfig {
  const faults: FieldProblem[] = [];
  const report: Report = (path, problem) => faults.push({ path, problem });
  const config = wellFormed(ConfigShape, files.config, "", report);
  if (config === undefined) throw invalid(faults);
  const extensions = config.extension_tables ?? {};
  const tables = definedTables("/tables", config.tables, files.schemas, report);
  const extensionTables = definedTables("/extension_tables", extensions, files.schemas, report);
  const names = [...Object.keys(config.tables), ...Object.keys(extensions)];
  reportStrayFiles("schemas", files.schemas, names, report);
  reportStrayFiles("views", files.views, config.views ?? [], report);
  reportRepeatedNames([...names, ...new Set(names.map((name) => `${name}_current`)), ...(config.views ?? [])], report);
  const sources = new Map([...tables, ...extensionTables].map((table) => [table.name, table]));
  const views = (config.views ?? []).flatMap((name) => {
    if (Object.hasOwn(files.views, name)) return definedView(name, files.views[name], { names, sources }, report) ?? [];
    report(`/views/${name}`, "has no view file");
    return [];
  });
  if (faults.length > 0) throw invalid(faults);
  return { version: config.version, dataset: config.dataset, tables, extensionTables, views };
}

function definedTables(
  path: string,
  entries: Record<string, unknown>,
  schemas: Record<string, unknown>,
  report: Report,
): TableDefinition[] {
  return Object.entries(entries).flatMap(([name, entry]) => {
    const settings = wellFormed(TableShape, entry, `${path}/${name}`, report);
    if (!Object.hasOwn(schemas, name)) report(`${path}/${name}`, `has no schema file schemas/${name}.json`);
    if (settings === undefined || !Object.hasOwn(schemas, name)) return [];
    return definedTable({ name, path: `${path}/${name}`, settings, schema: schemas[name] }, report) ?? [];
  });
}

function reportStrayFiles(folder: string, files: Record<string, unknown>, names: string[], report: Report): void {
  for (const name of Object.keys(files)) {
    if (!names.includes(name)) report(`/${folder}/${name}`, "is a file that config.yml does not name");
  }
}

function reportRepeatedNames(names: readonly string[], report: Report): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name.toLowerCase())) report(`/${name}`, "is the name of two tables or views");
    seen.add(name.toLowerCase());
  }
}

function invalid(faults: readonly FieldProblem[]): AppError {
  const list = faults.map(({ path, problem }) => `${path} ${problem}`).join("; ");
  return new AppError("TABLE_CONFIG_INVALID", `the table configuration has ${faults.length} faults: ${list}`, {
    fields: faults,
  });
}
