import { beforeAll, describe, expect, test } from "vitest";
import { type FocusModel, focusModel } from "./columns.ts";
import { deliveredColumns } from "./header.ts";

let model: FocusModel;
beforeAll(async () => {
  model = await focusModel();
});

/** All columns that a version of FOCUS has. */
function columnsOf(version: string): string[] {
  const until = [...model.columns.values()].filter(({ since }) => since <= version).map(({ name }) => name);
  return version === "1.4" ? until.filter((name) => name !== "ProviderName" && name !== "PublisherName") : until;
}

describe("a header", () => {
  test.each([
    ["1.0", 43],
    ["1.1", 50],
    ["1.2", 57],
    ["1.3", 65],
    ["1.4", 65],
  ])("of FOCUS %s, with its %i columns, is told as such", (version, count) => {
    const names = columnsOf(version);

    const delivered = deliveredColumns(names, model);

    expect(names).toHaveLength(count);
    expect(delivered.version).toBe(version);
    expect(delivered.unknown).toEqual([]);
  });

  test("of a preview is read by today's names, and its own columns are kept apart", () => {
    const header = [...model.mandatory, " Provider ", "Region", "UsageQuantity", "oci_CompartmentId"];

    const delivered = deliveredColumns(header, model);

    expect(delivered.renamed).toEqual({
      Provider: "ProviderName",
      Region: "RegionId",
      UsageQuantity: "ConsumedQuantity",
    });
    expect(delivered.unknown.map((place) => delivered.names[place])).toEqual(["oci_CompartmentId"]);
  });

  test("that has the old name beside the new one keeps the old as a column of its own", () => {
    const delivered = deliveredColumns([...model.mandatory, "Provider", "ProviderName"], model);

    expect(delivered.renamed).toEqual({});
    expect(delivered.unknown.map((place) => delivered.names[place])).toEqual(["Provider"]);
  });

  test.each<[string, (names: readonly string[]) => string[], string]>([
    ["a column twice", (names) => [...names, " BilledCost"], "duplicate_column"],
    ["a column without a name", (names) => [...names, " "], "header"],
    ["no BilledCost", (names) => names.filter((name) => name !== "BilledCost"), "required_column"],
    [
      "401 columns",
      (names) => [...names, ...Array.from({ length: 401 - names.length }, (_, at) => `x_${at}`)],
      "columns_limit",
    ],
  ])("with %s is refused", (_, change, rule) => {
    expect(() => deliveredColumns(change(model.mandatory), model)).toThrow(
      expect.objectContaining({ code: "IMPORT_REJECTED", extra: { errors: [expect.objectContaining({ rule })] } }),
    );
  });
});
