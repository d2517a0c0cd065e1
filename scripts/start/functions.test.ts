import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { functionFiles, loadFunctions } from "./functions.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "functions-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

const reader = (topic: string): string => `export default { kind: "topic", declaration: { topic: "${topic}" } };\n`;

describe("the functions of the platform", () => {
  it("are named after their files, whatever their area; tests are none", async () => {
    await write("b/two.ts", reader("b"));
    await write("a/three.ts", reader("a"));
    await write("a/a.test.ts", "throw new Error();\n");

    expect([...(await functionFiles(folder)).keys()]).toEqual(["three", "two"]);
    expect(Object.keys(await loadFunctions(folder))).toEqual(["three", "two"]);
  });

  it("may not share a name: the error names both files", async () => {
    await write("a/quota.ts", reader("a"));
    await write("b/quota.ts", reader("b"));

    await expect(loadFunctions(folder)).rejects.toThrow("a/quota.ts and b/quota.ts");
  });

  it("may not share a topic: its subscription has its name", async () => {
    await write("a/one.ts", reader("runs"));
    await write("a/two.ts", reader("runs"));

    await expect(loadFunctions(folder)).rejects.toThrow("Two functions read the topic runs: one and two.");
  });

  it.each(["export const x = 1;\n", "export default {};\n"])("are declarations, not `%s`", async (text) => {
    await write("a/one.ts", text);

    await expect(loadFunctions(folder)).rejects.toMatchObject({ code: "FUNCTIONS_INVALID" });
  });

  it("load from this repository", async () => {
    const functions = await loadFunctions();

    expect(functions["health"]?.kind).toBe("http");
    expect(functions["not-found"]?.kind).toBe("http");
  });
});
