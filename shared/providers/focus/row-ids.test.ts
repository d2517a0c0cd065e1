import { expect, test } from "vitest";
import { taggedRowId } from "#shared/lineage/row-identity.ts";
import { rawTableName, rowIds } from "./row-ids.ts";

test("the ids of many rows are those that one row has", () => {
  const sha256 = "ab".repeat(32);
  const categories = ["Usage", "Credit", "Tax"];

  const ids = rowIds(sha256, 99_999, categories);

  const records = categories.map((_, at) => taggedRowId("i1", [sha256, String(99_999 + at)]));
  expect(ids.records).toEqual(records);
  expect(ids.rows).toEqual(
    categories.map((category, at) => taggedRowId("f1", [rawTableName, records[at] ?? "", category, null])),
  );
});
