import { type Static, Type } from "@sinclair/typebox";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { TableDescription } from "#shared/platform/warehouse/warehouse.ts";
import { strictObject } from "#shared/runtime/schema.ts";

const names = Type.Array(Type.String());
const mismatches = Type.Array(strictObject({ column: Type.String(), expected: Type.String(), actual: Type.String() }));

/** How a stored table differs from its definition. */
export const SchemaDiff = strictObject({
  missing_columns: names,
  extra_columns: names,
  type_mismatches: mismatches,
  mode_mismatches: mismatches,
  partition_mismatch: Type.Boolean(),
});
export type SchemaDiff = Static<typeof SchemaDiff>;

export function schemaDiff(table: TableDefinition, stored: TableDescription): SchemaDiff {
  const actual = new Map(stored.columns.map((column) => [column.name, column]));
  const expected = new Set(table.columns.map(({ name }) => name));
  const mismatchesOf = (member: "type" | "mode"): SchemaDiff["type_mismatches"] =>
    table.columns.flatMap((column) => {
      const found = actual.get(column.name)?.[member] ?? column[member];
      return found === column[member] ? [] : [{ column: column.name, expected: column[member], actual: found }];
    });
  return {
    missing_columns: table.columns.map(({ name }) => name).filter((name) => !actual.has(name)),
    extra_columns: stored.columns.map(({ name }) => name).filter((name) => !expected.has(name)),
    type_mismatches: mismatchesOf("type"),
    mode_mismatches: mismatchesOf("mode"),
    partition_mismatch: stored.partitionField !== table.partition?.field,
  };
}

/** True when nothing at all differs. */
export function isSame(diff: SchemaDiff): boolean {
  return isSufficient(diff) && diff.extra_columns.length === 0;
}

/** True when everything the definition asks for is there; columns of a newer release beside it do no harm. */
export function isSufficient(diff: SchemaDiff): boolean {
  const wrong = [...diff.missing_columns, ...diff.type_mismatches, ...diff.mode_mismatches];
  return wrong.length === 0 && !diff.partition_mismatch;
}

/** What is wrong with the stored table, one sentence each. */
export function problemsOf(diff: SchemaDiff): string[] {
  const wrong = (of: SchemaDiff["type_mismatches"]): string[] =>
    of.map(({ column, expected, actual }) => `column ${column} is ${actual}, not ${expected}`);
  return [
    ...diff.missing_columns.map((name) => `column ${name} is missing`),
    ...diff.extra_columns.map((name) => `column ${name} is not in the configuration`),
    ...wrong(diff.type_mismatches),
    ...wrong(diff.mode_mismatches),
    ...(diff.partition_mismatch ? ["the partition field is another one"] : []),
  ];
}
