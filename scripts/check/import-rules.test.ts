import { describe, expect, it } from "vitest";
import { importFaults } from "./import-rules.ts";

function problems(...sources: [path: string, text: string][]): string[] {
  return importFaults(sources.map(([path, text]) => ({ path, text }))).map(
    ({ path, line, problem }) => `${path}:${line ?? ""} ${problem}`,
  );
}

describe("import rules", () => {
  it.each([
    ["functions/costs/a.ts", 'import { b } from "#functions/costs/b.ts";', "imports the function file"],
    ["functions/costs/a.ts", 'import { b } from "./b.ts";', "imports the function file"],
    ["functions/costs/a.ts", 'import { readFile } from "node:fs";', "imports from #shared only"],
    ["functions/costs/a.ts", 'import { x } from "#scripts/simulate-providers/server.ts";', "no part of the product"],
    ["shared/costs/a.ts", 'import b from "#functions/costs/b.ts";', "imports the function file"],
    ["shared/costs/a.ts", 'const x = await import("#scripts/simulate-providers/server.ts");', "no part of the product"],
    ["shared/costs/a.ts", 'import type { x } from "#scripts/start/host.ts";', "no part of the product"],
    ["shared/costs/a.ts", 'import { x } from "#shared/platform/keys/kms-keys.ts";', "imports the adapter"],
    ["shared/runtime/a.ts", 'import("#shared/platform/documents/sqlite-documents.ts");', "imports the adapter"],
    ["shared/platform/topics/a.ts", 'import { x } from "../keys/key-ring-keys.ts";', "imports the adapter"],
    ["shared/costs/a.ts", 'import { open } from "#shared/platform/embedded/keys.ts";', "put a platform together"],
    ["shared/costs/a.ts", 'import { BigQuery } from "@google-cloud/bigquery";', "belong to adapters"],
    ["shared/costs/a.ts", 'import type { OAuth2Client } from "google-auth-library";', "belong to adapters"],
    ["shared/costs/a.ts", 'import { http } from "@google-cloud/functions-framework";', "only shared/runtime/serve.ts"],
    ["shared/budgets/a.ts", 'import pl from "nodejs-polars";', "frames live in"],
    ["shared/budgets/a.ts", 'const pl = await import("nodejs-polars");', "frames live in"],
    ["shared/costs/a.ts", 'import { x } from "../money/amount.ts";', "across rooms it is #shared/money/amount.ts"],
  ])("%s may not: %s", (path, text, problem) => {
    const found = problems([path, `// first line\n${text}\n`]);

    expect(found.join("\n")).toContain(problem);
    expect(found[0]).toMatch(new RegExp(`^${path}:2 `));
  });

  it.each([
    ["functions/costs/a.ts", 'import { Type } from "@sinclair/typebox";'],
    ["functions/costs/costs.test.ts", 'import { startHost } from "#scripts/start/host.ts";'],
    ["shared/costs/a.test.ts", 'import { x } from "#shared/platform/documents/sqlite-documents.ts";'],
    ["shared/platform/gcp/keys.ts", 'import { kmsKeys } from "../keys/kms-keys.ts";'],
    ["shared/platform/topics/pubsub-provision.ts", 'import { openClient } from "./pubsub-topics.ts";'],
    ["shared/budgets/a.ts", 'import type { DataFrame } from "nodejs-polars";'],
    ["shared/budgets/a.ts", 'type Frame = import("nodejs-polars").DataFrame;'],
    ["shared/costs/a.ts", 'import pl, { type DataFrame } from "nodejs-polars";'],
    ["scripts/start/a.ts", 'import { open } from "#shared/platform/embedded/topics.ts";'],
  ])("%s may: %s", (path, text) => {
    expect(problems([path, `${text}\n`])).toEqual([]);
  });

  it("refuse rooms that import each other over a third, and name the way", () => {
    const found = problems(
      ["shared/alerts/a.ts", 'import { b } from "#shared/budgets/b.ts";\n'],
      ["shared/budgets/b.ts", '\nexport { c } from "#shared/costs/c.ts";\n'],
      ["shared/costs/c.ts", 'const load = () => import("#shared/alerts/a.ts");\n'],
    );

    expect(found).toEqual(["shared/alerts/a.ts:1 rooms in a circle: alerts -> budgets -> costs -> alerts"]);
  });

  it.each([
    [
      "a type",
      'import type { B } from "#shared/budgets/b.ts";\nimport {\n  type C,\n  type D,\n} from "#shared/budgets/b.ts";',
    ],
    ["the error family", 'import { AppError } from "#shared/runtime/errors.ts";'],
  ])("do not count %s as an arrow between rooms", (_, text) => {
    const found = problems(
      ["shared/alerts/a.ts", `${text}\n`],
      ["shared/budgets/b.ts", 'import { a } from "#shared/alerts/a.ts";\n'],
      ["shared/runtime/r.ts", 'import { a } from "#shared/alerts/a.ts";\n'],
    );

    expect(found).toEqual([]);
  });

  it("read imports over several lines and with types among values", () => {
    const text = 'import {\n  type A,\n  b,\n} from "#shared/budgets/b.ts";\n';

    const found = problems(
      ["shared/alerts/a.ts", text],
      ["shared/budgets/b.ts", 'import { a } from "#shared/alerts/a.ts";\n'],
    );

    expect(found).toEqual(["shared/alerts/a.ts:1 rooms in a circle: alerts -> budgets -> alerts"]);
  });
});
