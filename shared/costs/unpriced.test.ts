import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pipelineOf } from "./golden-charges.fixture.ts";
import { freshStores, publish, type Stores } from "./publication.fixture.ts";
import { march, summary } from "./summary.fixture.ts";

const days = ["2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"];

/** u4 of costs.md 11. */
const deepseek = {
  provider: "deepseek",
  model: "deepseek-v9",
  rows: 1,
  requests: 12,
  tokens: "1500000",
  meters: { input: "1200000", output: "300000" },
};

let from: Stores;

beforeEach(async () => {
  from = await freshStores({ now: "2026-03-05T06:00:00Z" });
  const charge = { provider: "openai", category: "llm", service: "OpenAI API", billed: "1" };
  await publish(from, { pipelineId: pipelineOf("openai"), charges: days.map((day) => ({ ...charge, day })) });
});

afterEach(() => from.close());

describe("usage without a price", () => {
  it("is listed in the range's answer, which is not complete and shows no amount for it", async () => {
    const before = await summary(from, march);
    await publish(from, {
      pipelineId: pipelineOf("openai"),
      source: "deepseek",
      charges: [],
      emptyDays: days,
      unpriced: { "2026-03-03": [deepseek], "2026-03-04": [deepseek], "2026-02-28": [deepseek] },
    });

    const answer = await summary(from, march);

    expect([before.complete, before.completeness.unpriced.items]).toEqual([true, []]);
    expect([answer.complete, answer.completeness.status, answer.total_cost]).toEqual([false, "partial", "4.00"]);
    expect(answer.completeness.unpriced).toEqual({
      rows: 2,
      tokens: "3000000",
      requests: 24,
      items: [
        { provider: "deepseek", model: "deepseek-v9", meter: "input", days: 2, quantity: "2400000" },
        { provider: "deepseek", model: "deepseek-v9", meter: "output", days: 2, quantity: "600000" },
      ],
    });
  });

  it.each([
    [{ providers: ["openai"] }, 0],
    [{ providers: ["deepseek"] }, 2],
    [{ categories: ["genai"] }, 2],
    [{ categories: ["saas", "cloud"] }, 0],
    [{ charge_categories: ["Tax"] }, 0],
    [{ services: ["OpenAI API"] }, 2],
    [{ start_date: "2026-03-01", end_date: "2026-03-02" }, 0],
  ])("is chosen by %j in %i items", async (query, count) => {
    const unpriced = { "2026-03-03": [deepseek] };
    await publish(from, { pipelineId: pipelineOf("openai"), source: "d", charges: [], emptyDays: days, unpriced });

    const answer = await summary(from, { ...march, ...(query as object) });

    expect(answer.completeness.unpriced.items.length).toBe(count);
    expect(answer.complete).toBe(count === 0);
  });
});
