import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { get, type Query, secondsOf, walk } from "../walk-pages.ts";

const month: Query = { start_time: secondsOf("2026-07-01"), end_time: secondsOf("2026-08-01") };
const now = "2026-08-15T12:00:00Z";

let simulator: Simulator;
let organization: string;
beforeAll(async () => {
  simulator = await startSimulator({ now, scenario: "wide" });
  organization = `${simulator.url}/openai/v1/organization`;
});
afterAll(() => simulator.stop());

const costs = (query: Query) => walk(`${organization}/costs`, query);

describe("determinism", () => {
  const everything = async (url: string): Promise<string> => {
    const arrays = { group_by: ["project_id", "line_item", "api_key_id"] };
    const paths = ["costs", "usage/completions", "usage/web_search_calls", "projects"];
    const texts = await Promise.all(
      paths.map(async (path) => {
        const query = path === "costs" ? { ...month, ...arrays, limit: 31 } : { ...month, limit: 31 };
        return (await get(`${url}/openai/v1/organization/${path}`, path === "projects" ? {} : query)).text;
      }),
    );
    return createHash("sha256").update(texts.join("\n")).digest("hex");
  };
  const served = async (options: Parameters<typeof startSimulator>[0]): Promise<string> => {
    const other = await startSimulator({ now, ...options });
    try {
      return await everything(other.url);
    } finally {
      await other.stop();
    }
  };

  test("the same seed gives the same bytes on every machine, another seed others", async () => {
    // Pinned: this digest must come out on every machine. It changes only with the data's definition.
    const bytes = await served({});

    expect(bytes).toBe("05ec6134dd636037b9f9f9e73ffb0a2daf5c0ee355d67540bfc1121c18b9d82b");
    expect(await served({ seed: 43 })).not.toBe(bytes);
  });

  test.each(["America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia"])(
    "the time zone %s changes no byte",
    async (zone) => {
      const before = process.env["TZ"];
      const expected = await served({});
      try {
        process.env["TZ"] = zone;
        expect(new Date("2026-07-01T00:00:00Z").getTimezoneOffset()).not.toBe(0);
        expect(await served({})).toBe(expected);
      } finally {
        if (before === undefined) delete process.env["TZ"];
        else process.env["TZ"] = before;
      }
    },
  );

  test("the days asked for do not change a day's numbers", async () => {
    const narrow = await startSimulator({ now, from: "2026-07-04", to: "2026-07-05", scenario: "wide" });
    const query = { start_time: secondsOf("2026-07-04"), end_time: secondsOf("2026-07-06"), group_by: ["line_item"] };

    const alone = (await get(`${narrow.url}/openai/v1/organization/costs`, query)).body.data;
    await narrow.stop();

    expect(alone).toEqual((await costs(query)).slice(0, 2));
  });
});
