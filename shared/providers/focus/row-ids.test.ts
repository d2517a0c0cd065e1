import { expect, test } from "vitest";
import { taggedRowId } from "#shared/lineage/row-identity.ts";
import { rawTableName, rowIds } from "./row-ids.ts";

test("the ids of many rows are those that one row has", async () => {
  const sha256 = "ab".repeat(32);
  const categories = ["Usage", "Credit", "Tax"];

  const ids = await rowIds(sha256, 99_999, categories);

  const records = categories.map((_, at) => taggedRowId("i1", [sha256, String(99_999 + at)]));
  expect(ids.getColumn("x_source_record_id").toArray()).toEqual(records);
  expect(ids.getColumn("x_row_id").toArray()).toEqual(
    categories.map((category, at) => taggedRowId("f1", [rawTableName, records[at] ?? "", category, null])),
  );
});
