import { describe, expect, it } from "vitest";
import { allValuesOf, valuesOf } from "./column-values.ts";
import { EVERY_TYPE } from "./contract/contract-tables.ts";
import { maximumFewRows } from "./few-rows.ts";
import { frameOf } from "./frame.ts";

const whole = {
  usage_date: "2026-02-28",
  provider: "a text with \"quotes\", 'more', \n a line and \u{1f600}",
  cost: "-99999999999999999999999999.000000000001",
  x_org_slug: "acme",
  x_batch_id: "batch",
  observed_at: "2026-07-01T10:20:30.123400Z",
  seats: "-9223372036854775808",
  share: 1 / 3,
  is_final: false,
  labels: { b: [1, null], a: { c: "1.50" } },
  tags: ["", "x,y"],
};
const fewest = { usage_date: "0001-01-01", provider: "", cost: "0", x_org_slug: "acme", x_batch_id: "batch" };
const rounded = { ...whole, cost: "1.500", observed_at: "2026-07-01T00:00:00Z", seats: 7, share: 2, tags: [] };

describe("the values of all columns", () => {
  it.each([0, 3, maximumFewRows + 3])("are those of each column by itself, of %i rows", (count) => {
    const kinds = [whole, fewest, rounded];
    const frame = frameOf(
      EVERY_TYPE,
      Array.from({ length: count }, (_, at) => kinds[at % 3] ?? whole),
    );

    const all = allValuesOf(frame, EVERY_TYPE.columns);

    expect(all).toEqual(EVERY_TYPE.columns.map((column) => valuesOf(frame, column)));
  });

  it("are exact: amounts and whole numbers as their texts, instants without needless digits, lists never null", () => {
    const frame = frameOf(EVERY_TYPE, [whole, fewest, rounded]);

    const all = allValuesOf(frame, EVERY_TYPE.columns);

    const valuesBy = Object.fromEntries(EVERY_TYPE.columns.map(({ name }, at) => [name, all[at]]));
    expect(valuesBy).toMatchObject({
      usage_date: ["2026-02-28", "0001-01-01", "2026-02-28"],
      provider: [whole.provider, "", whole.provider],
      cost: [whole.cost, "0", "1.5"],
      observed_at: ["2026-07-01T10:20:30.123400Z", null, "2026-07-01T00:00:00Z"],
      seats: ["-9223372036854775808", null, "7"],
      share: [1 / 3, null, 2],
      is_final: [false, null, false],
      tags: [["", "x,y"], [], []],
    });
  });
});
