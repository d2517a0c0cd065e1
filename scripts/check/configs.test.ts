import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { loadingFaults, providerFaults } from "./configs.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "configs-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

describe("configuration files", () => {
  it("are refused with every fault that their own room finds", async () => {
    const load = async () => declareQueries([{ collection: "runs", filters: [], orderBy: [] }, { collection: "1" }]);

    const faults = await loadingFaults("configs/documents/indexes.yml", load);

    expect(faults.map(({ problem }) => problem)).toEqual([
      "/1/collection must be a collection path with * for each id",
      "/1/filters must be a list of texts, which may be empty",
      "/1/orderBy must be a list of texts, which may be empty",
    ]);
  });

  it("are refused with the message where no field is named", async () => {
    const faults = await loadingFaults("configs/a.yml", async () => {
      throw new AppError("TABLE_CONFIG_INVALID", "there is no table");
    });

    expect(faults).toEqual([{ path: "configs/a.yml", problem: "there is no table" }]);
  });

  it("do not hide a bug of a loader", async () => {
    const bug = loadingFaults("configs/a.yml", async () => {
      throw new TypeError("x is undefined");
    });

    await expect(bug).rejects.toThrow("x is undefined");
  });

  it("need adapter, room and fixtures of a provider in use", async () => {
    await mkdir(join(root, "shared/providers/openai/fixtures"), { recursive: true });

    expect(providerFaults({ slug: "openai", phase: 1 }, root)).toEqual([]);
    expect(providerFaults({ slug: "nobody", phase: "later" }, root)).toEqual([]);
    expect(providerFaults({ slug: "nobody", phase: 1 }, root).map(({ problem }) => problem)).toEqual([
      "nobody has no folder shared/providers/nobody",
      "nobody has no folder shared/providers/nobody/fixtures",
      "nobody has no adapter in shared/providers/adapters.ts",
    ]);
  });
});
