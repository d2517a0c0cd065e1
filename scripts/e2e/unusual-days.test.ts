import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { listQuarantines } from "#shared/quarantine/quarantine-read.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { chargeRow } from "./charges.fixture.ts";
import { type Shape, shapedRun, workedOn } from "./shaped-run.fixture.ts";
import { publishedBilled, startWorld, type World } from "./world.ts";

/** What the provider charges by day; a day without an amount is what its state says. */
const amounts: Readonly<Record<string, string>> = {
  "2026-07-01": "-3.20",
  "2026-07-02": "999999999999999.999999999999",
  "2026-07-05": "1000000000000000",
  "2026-07-06": "0.5",
};
const [emptyDay, unavailableDay, tooLargeDay] = ["2026-07-03", "2026-07-04", "2026-07-05"];
const days = { start_date: "2026-07-01", end_date: "2026-07-06" };
// Words that a reader may get wrong: right to left marks, an emoji, a spreadsheet's formula.
const service = '=HYPERLINK("http://evil.example","x") \u202Eecivres\u202C \u{1F680}';

const shape: Shape = {
  stateOf: (day) => (day === emptyDay ? "empty" : day === unavailableDay ? "unavailable" : "complete"),
  chargesOf: (day) => [{ ...chargeRow({ day, billed: amounts[day] ?? "0", id: day }), ServiceName: service }],
};

// pipelines.md, shown done 11 and 18
describe("days that are not as usual", () => {
  let world: World;
  let org: OrgIdentity;
  let run: RunDocument;
  beforeAll(async () => {
    world = await startWorld();
    ({ org } = await world.onboarded("unusual"));
    await world.connected(org, "unusualdays1");
    run = await workedOn(world, { org, runId: await shapedRun(world, org, days) }, shape);
  }, 60_000);
  afterAll(() => world.stop());

  const july = (of: OrgIdentity) => publishedMonth(of, "2026-07", 1, world.ports.documents);

  it("are published exactly where they are negative or as large as an amount can be, and empty ones as empty", async () => {
    const month = await july(org);

    expect(publishedBilled(month)).toEqual({
      "2026-07-01": "-3.2",
      "2026-07-02": "999999999999999.999999999999",
      [emptyDay]: "0",
      "2026-07-06": "0.5",
    });
    expect(month.days.map(({ day, state }) => [day, state])).toContainEqual([emptyDay, "empty"]);
  });

  it("are held back where an amount cannot be real, and have no entry where the provider had no answer", async () => {
    const { quarantine } = await listQuarantines(org, { limit: 50 }, world.ports.documents);

    expect([run.status, run.error?.code]).toEqual(["FAILED", "DATA_QUARANTINED"]);
    expect(run.result).toMatchObject({ quarantinedDays: [tooLargeDay] });
    expect(quarantine).toMatchObject([{ days: [tooLargeDay], status: "OPEN" }]);
    expect((await july(org)).days.map(({ day }) => day)).not.toContain(unavailableDay);
  });

  it("are shown as what they are, never as a sum of 0 that nobody has said", async () => {
    const { daily_trend, total_billed_cost } = await readSummary({ org, query: { ...days } }, world.ports);

    expect(daily_trend.map(({ date, billed_cost, state }) => [date, plainAmount(billed_cost), state])).toEqual([
      ["2026-07-01", "-3.2", "complete"],
      ["2026-07-02", "999999999999999.999999999999", "complete"],
      [emptyDay, "0", "empty"],
      [unavailableDay, "0", "missing"],
      [tooLargeDay, "0", "missing"],
      ["2026-07-06", "0.5", "complete"],
    ]);
    expect(plainAmount(total_billed_cost)).toBe("999999999999997.299999999999");
  });

  it("carry the provider's words to the answer as they came", async () => {
    const { top_services } = await readSummary({ org, query: { ...days } }, world.ports);

    expect(top_services.map((each) => each.service)).toEqual([service]);
  });

  it("that fail leave a failed run and no figure", async () => {
    const { org: other } = await world.onboarded("unusual_failed");
    await world.connected(other, "unusualdays2");
    const midway = async (): Promise<void> => {
      throw new AppError("PROVIDER_FORBIDDEN", "no permission to see costs");
    };

    const failed = await workedOn(world, { org: other, runId: await shapedRun(world, other, days) }, { midway });

    expect([failed.status, failed.error?.code, failed.result]).toEqual(["FAILED", "PROVIDER_FORBIDDEN", null]);
    expect((await july(other)).days).toEqual([]);
  });
});

/** Without the zeros that money answers carry. */
function plainAmount(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}
