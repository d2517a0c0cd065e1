import fc from "fast-check";
import pl from "nodejs-polars";
import { expect, test } from "vitest";
import { jsonWriter } from "./json-text.ts";

const keys = ["b", "A", 'q"uote', "\u00fc", "c"];
const members = keys.map((key, at) => ({ key, column: `d${at}`, isPlain: false }));
const isWanted = ({ key }: { key: string }) => key !== "A";
const cell = fc.oneof(
  { weight: 2, arbitrary: fc.constant(null) },
  { weight: 3, arbitrary: fc.constantFrom("plain", "$1", "{}", ",") },
  fc.string({ unit: fc.constantFrom('"', "\\", "\n", "\u0001", "\u00fc", "$0", "a") }),
);
type Rows = (string | null)[][];
const row = fc.tuple(cell, cell, cell, cell, cell);
/** Also columns that are null, or never null, throughout a frame. */
const frame = fc
  .tuple(
    fc.array(row, { minLength: 1, maxLength: 6 }),
    fc.tuple(...keys.map(() => fc.constantFrom("as is", "absent", "filled"))),
  )
  .map(([rows, forms]) =>
    rows.map((values) =>
      values.map((value, at) => (forms[at] === "absent" ? null : forms[at] === "filled" ? (value ?? "x") : value)),
    ),
  );

function plainJson(values: (string | null)[], wanted: (key: string) => boolean): string | null {
  const own = keys
    .map((key, at) => [key, values[at] ?? null] as const)
    .filter(([key, value]) => value !== null && wanted(key))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return own.length === 0 ? null : `{${own.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)}}`;
}

test("each frame of a file gets the objects that JSON.stringify makes, whatever the frames before it held", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 4 }), async (frames: Rows[]) => {
      const write = jsonWriter(members, isWanted);

      for (const rows of frames) {
        const columns = members.map(({ column }, at) =>
          pl.Series(
            column,
            rows.map((values) => values[at] ?? null),
            pl.Utf8,
          ),
        );
        const { all, wanted } = await write(pl.DataFrame(columns));
        const written = await pl
          .DataFrame(columns)
          .lazy()
          .withColumns(all.alias("all"), wanted.alias("wanted"))
          .collect();

        expect(written.getColumn("all").toArray()).toEqual(rows.map((values) => plainJson(values, () => true)));
        expect(written.getColumn("wanted").toArray()).toEqual(
          rows.map((values) => plainJson(values, (key) => isWanted({ key }))),
        );
      }
    }),
    { numRuns: 40 },
  );
});
