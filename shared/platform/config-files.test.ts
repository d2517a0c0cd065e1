import { describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { configFile, configFolder, parseYaml } from "./config-files.ts";

async function faultsOf(work: Promise<unknown>): Promise<string[]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isAppError(error, "CONFIG_FILE_INVALID")) throw new Error(`expected CONFIG_FILE_INVALID, got ${String(error)}`);
  return error.fields.map(({ path, problem }) => `${path} ${problem}`);
}

describe("parseYaml", () => {
  test("reads plain data by the core schema of YAML 1.2", async () => {
    const text =
      '# note\n---\na: { b: [1, 0.5, true, null, ~] }\nday: 2028-02-29\nno: no\nsum: "10"\ntext: |\n  [[[ &x *y !z\n';

    const value = await parseYaml(text, "x.yml");

    const expected = { b: [1, 0.5, true, null, null] };
    expect(value).toEqual({ a: expected, day: "2028-02-29", no: "no", sum: "10", text: "[[[ &x *y !z\n" });
  });

  // pipelines.md, shown done 17
  test.each([
    ["alias", "a: &x 1\nb: *x\n", "x.yml:2 aliases are refused"],
    ["anchor", "a:\n  b: &x 1\n", "x.yml:2 anchors are refused"],
    ["tag", "a: !thing 1\n", "x.yml:1 tags are refused"],
    ["binary", "a: 1\nb: !!binary aGk=\n", "x.yml:2 tags are refused"],
    ["directive", "%YAML 1.1\n---\na: 1\n", "x.yml:1 directives are refused"],
    ["20,000 brackets", "a: ".concat("[".repeat(20_000)), "x.yml:1 more than 64 nested brackets"],
    ["brackets behind comments", "a:\n".concat("  [ # ]\n".repeat(65)), "x.yml:66 more than 64 nested brackets"],
    ["20,000 braces", "{a: ".repeat(16_000), "x.yml:1 more than 64 nested brackets"],
    ["nested sequences on one line", "- ".repeat(20_000), "x.yml:1 too many nested entries on one line"],
    ["nested values on one line", `a: ${"- ".repeat(20_000)}`, "x.yml:1 too many nested entries on one line"],
    ["nested keys on one line", "a: ".repeat(20_000), "x.yml:1 too many nested entries on one line"],
    ["explicit keys on one line", "? ".repeat(20_000), "x.yml:1 too many nested entries on one line"],
    ["deep indentation", `a:\n${" ".repeat(41)}b: 1\n`, "x.yml:2 indented by more than 40 columns"],
    ["deep indentation by tabs", `a:\n${"\t".repeat(41)}b: 1\n`, "x.yml:2 indented by more than 40 columns"],
    ["size", `a: ${"x".repeat(64 * 1024)}`, "x.yml:1 larger than 65536 bytes"],
    ["NUL", "a: 1\nb: \0\n", "x.yml:2 contains a control character"],
    ["prototype", "a:\n  __proto__: { b: 1 }\n", "x.yml:2 the key __proto__ is refused"],
    ["quoted prototype", 'a: { "__pro\\u0074o__": 1 }\n', "x.yml:1 the key __proto__ is refused"],
    ["constructor", "constructor: 1\n", "x.yml:1 the key constructor is refused"],
  ])("refuses %s without being parsed for long", async (_, text, fault) => {
    const startedAt = performance.now();

    const faults = await faultsOf(parseYaml(text, "x.yml"));

    expect(faults).toContain(fault);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test.each([
    ["a duplicate key", "a: 1\nb: 2\na: 3\n", 3],
    ["a second document", "a: 1\n---\nb: 2\n", 2],
    ["a key that is no text", "a: 1\n? [x]\n: 2\n", 2],
    ["a broken line", "a: 1\nb: [1, 2\nc: 3\n", 3],
  ])("names the line of %s", async (_, text, line) => {
    const faults = await faultsOf(parseYaml(text, "x.yml"));

    expect(faults[0]).toMatch(new RegExp(`^x\\.yml:${line} `));
  });

  test("lists every fault of a file", async () => {
    const faults = await faultsOf(parseYaml("a: &x 1\nb: !t 2\nc: *x\n", "x.yml"));

    expect(faults).toEqual(["x.yml:1 anchors are refused", "x.yml:2 tags are refused", "x.yml:3 aliases are refused"]);
  });

  test("takes 64 nested brackets and 40 columns of indentation", async () => {
    const brackets = await parseYaml("[".repeat(64) + "]".repeat(64), "x.yml");
    const indented = await parseYaml(`a:\n${" ".repeat(40)}b: 1\n`, "x.yml");

    expect(JSON.stringify(brackets)).toHaveLength(128);
    expect(indented).toEqual({ a: { b: 1 } });
  });
});

describe("configFile", () => {
  test("reads YAML and JSON below configs/", async () => {
    const config = await configFile("bootstrap/config.yml");
    const schema = await configFile("bootstrap/schemas/org_api_keys.json");

    expect(config).toMatchObject({ dataset: { name: "organizations" } });
    expect(schema).toContainEqual(expect.objectContaining({ name: "org_api_key_id", type: "STRING" }));
  });

  test.each([
    "../package.json",
    "/etc/hosts",
    "bootstrap/../config.yml",
    "a//b.yml",
    ".env",
    "",
    "a\0.yml",
    "%2e%2e/package.json",
  ])("refuses the path %j", async (path) => {
    const faults = await faultsOf(configFile(path));

    expect(faults).toEqual([`${path}:1 is not a path below configs/`]);
  });

  test("refuses a missing file", async () => {
    const faults = await faultsOf(configFile("bootstrap/missing.yml"));

    expect(faults).toEqual(["bootstrap/missing.yml:1 cannot be read"]);
  });
});

describe("configFolder", () => {
  test("lists the names of a folder in order", async () => {
    const names = await configFolder("bootstrap/schemas");

    expect(names).toContain("org_api_keys.json");
    expect(names).toEqual([...names].sort());
  });

  test("refuses a missing folder and a path outside", async () => {
    const missing = await faultsOf(configFolder("missing"));
    const outside = await faultsOf(configFolder("../shared"));

    expect(missing).toEqual(["missing:1 cannot be listed"]);
    expect(outside).toEqual(["../shared:1 is not a path below configs/"]);
  });
});
