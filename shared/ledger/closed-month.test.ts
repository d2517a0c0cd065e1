import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Books, freshBooks, type PulledCharge, pipelineId } from "./closed-month.fixture.ts";
import { publishedMonth, pulledDays } from "./current-batches.ts";
import { ledgerOrg } from "./publication.fixture.ts";

const cost = (amount: string, service = "OpenAI API"): PulledCharge => ({ service, amount });

let books: Books;
beforeEach(async () => {
  books = await freshBooks();
});
afterEach(() => books.stop());

describe("a closed month (pipelines.md 8: 2026-02-10 closed at 100.00)", () => {
  it("books each difference in an open month, and says what it said when it was closed", async () => {
    await books.pull("2026-02-10", [cost("100.00")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    const [head, entries] = [books.head("2026-02"), books.pipeline("2026-02")?.entries];

    expect(await books.pull("2026-02-10", [cost("104.50")], { on: "2026-03-20", fence: 2 })).toBe("held");
    expect(await books.billed("2026-03")).toEqual({ "2026-03-20": "4.5" });
    const version = books.head("2026-03")?.ledgerVersion;

    expect(await books.pull("2026-02-10", [cost("104.50")], { on: "2026-03-21", fence: 3 })).toBe("unchanged");
    expect(await books.billed("2026-03")).toEqual({ "2026-03-20": "4.5" });
    expect(books.head("2026-03")?.ledgerVersion).toBe(version);

    await books.pull("2026-02-10", [cost("103.00")], { on: "2026-03-22", fence: 4 });
    expect(await books.billed("2026-03")).toEqual({ "2026-03-22": "3" });

    await books.close("2026-03", "2026-04-01");
    await books.pull("2026-02-10", [cost("103.25")], { on: "2026-04-02", fence: 5 });
    expect(await books.billed("2026-03")).toEqual({ "2026-03-22": "3" });
    expect(await books.billed("2026-04")).toEqual({ "2026-04-02": "0.25" });

    expect(await books.billed("2026-02")).toEqual({ "2026-02-10": "100" });
    expect(books.pipeline("2026-02")?.entries).toEqual(entries);
    expect(books.head("2026-02")).toEqual({ ...head, heldBy: ["openai_cost_usage_cost"] });
    expect(
      books
        .journal()
        .filter(({ kind }) => kind === "adjustment")
        .map(({ month, days }) => [month, ...days.map(({ day, delta }) => [day, delta["USD"]?.[0]])]),
    ).toEqual([
      ["2026-03", ["2026-03-20", "4.5"]],
      ["2026-03", ["2026-03-20", "-4.5"], ["2026-03-22", "3"]],
      ["2026-04", ["2026-04-02", "0.25"]],
    ]);
  });

  it.each([
    ["2028-02-29", "2028-03-05", "2028-03-20", "2028-04-01", "2028-04-02"],
    ["2025-12-31", "2026-01-05", "2026-01-20", "2026-02-01", "2026-02-02"],
  ])(
    "is corrected on %s by held - closed, also after ten retries and once the next month is closed",
    async (day, closedOn, pulledOn, nextClosedOn, lastOn) => {
      const monthOf = (date: string) => date.slice(0, 7);
      const tenTimes = async (amount: string, on: string, from: number): Promise<void> => {
        for (let retry = 0; retry < 10; retry++) await books.pull(day, [cost(amount)], { on, fence: from + retry });
      };
      await books.pull(day, [cost("100")], { on: closedOn, fence: 1 });
      await books.close(monthOf(day), closedOn);
      const [head, entries] = [books.head(monthOf(day)), books.pipeline(monthOf(day))?.entries];

      await tenTimes("104.50", pulledOn, 2);
      expect(await books.billed(monthOf(pulledOn))).toEqual({ [pulledOn]: "4.5" });
      await books.close(monthOf(pulledOn), nextClosedOn);
      await tenTimes("103.25", lastOn, 12);

      expect(await books.billed(monthOf(pulledOn))).toEqual({ [pulledOn]: "4.5" });
      expect(await books.billed(monthOf(lastOn))).toEqual({ [lastOn]: "-1.25" });
      expect(await books.billed(monthOf(day))).toEqual({ [day]: "100" });
      expect(books.pipeline(monthOf(day))?.entries).toEqual(entries);
      expect(books.head(monthOf(day))?.ledgerVersion).toBe(head?.ledgerVersion);
    },
  );

  it("is corrected by rows that say what they correct and go where the charge went", async () => {
    const charge = { ...cost("20.00", "Compute Engine"), project: "proj-a" };
    await books.pull("2026-02-03", [charge, cost("7")], { on: "2026-02-04", fence: 1 });
    await books.close("2026-02", "2026-03-05");

    await books.pull("2026-02-03", [{ ...charge, amount: "19.25" }, cost("7")], { on: "2026-03-06", fence: 2 });

    expect(await books.rows("2026-03")).toEqual([
      expect.objectContaining({
        BilledCost: "-0.75",
        EffectiveCost: "-0.75",
        ListCost: "-0.75",
        ContractedCost: "-0.75",
        ServiceName: "Compute Engine",
        ChargeCategory: "Adjustment",
        ChargeClass: "Correction",
        x_project_id: "proj-a",
        Tags: { team: "proj-a", env: "prod" },
        x_cost_source: "adjustment",
        x_source_system: "adjustment",
        x_counted: true,
        x_charge_date: "2026-03-06",
        x_corrects_month: "2026-02",
        x_corrects_day: "2026-02-03",
      }),
    ]);
  });

  it("moves only the rows whose difference changed", async () => {
    await books.pull("2026-02-03", [cost("1", "a"), cost("1", "b")], { on: "2026-02-04", fence: 1 });
    await books.close("2026-02", "2026-03-05");

    await books.pull("2026-02-03", [cost("2", "a"), cost("3", "b")], { on: "2026-03-06", fence: 2 });
    await books.pull("2026-02-03", [cost("2", "a"), cost("4", "b")], { on: "2026-03-09", fence: 3 });

    expect(await books.billed("2026-03")).toEqual({ "2026-03-06": "1", "2026-03-09": "3" });
  });

  it("takes rows that were pulled earlier for nothing, also when the newer ones said what was published", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");

    await books.pull("2026-02-10", [cost("100")], { on: "2026-03-06", fence: 3 });
    const late = await books.pull("2026-02-10", [cost("104")], { on: "2026-03-06", fence: 2 });

    expect([late, await books.billed("2026-03")]).toEqual(["superseded", {}]);
  });

  it("corrects days that had no publication, and currencies by themselves", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    const late = [cost("5"), { ...cost("8"), currency: "EUR" }, { ...cost("900"), uncounted: true }];

    await books.pull("2026-02-12", late, { on: "2026-03-06", fence: 2 });

    const rows = await books.rows("2026-03");
    expect(rows.map((row) => [row["BillingCurrency"], row["BilledCost"]]).sort()).toEqual([
      ["EUR", "8"],
      ["USD", "5"],
    ]);
  });

  it("says what was held once it is reopened, and nothing corrects it any more", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    await books.pull("2026-02-10", [cost("104.50")], { on: "2026-03-20", fence: 2 });
    await books.pull("2026-02-11", [cost("2")], { on: "2026-03-20", fence: 2 });

    await books.reopen("2026-02", "2026-03-21");

    expect(await books.billed("2026-02")).toEqual({ "2026-02-10": "104.5", "2026-02-11": "2" });
    expect(await books.billed("2026-03")).toEqual({});
    expect(await books.rows("2026-03")).toEqual([]);
    expect(books.head("2026-02")).toMatchObject({ state: "open", ledgerVersion: 2, closeCount: 1 });
    expect(
      books
        .journal()
        .filter(({ reason }) => reason === "reopen")
        .map(({ kind, month }) => [month, kind]),
    ).toEqual([
      ["2026-02", "restatement"],
      ["2026-03", "withdrawn"],
    ]);
    expect(await books.pull("2026-02-10", [cost("105")], { on: "2026-03-22", fence: 3 })).toBe("restatement");
  });

  it("says once it is reopened what has no price by now, though no row of the day is another", async () => {
    const unpriced = [{ provider: "openai", model: "gpt-x", rows: 1, requests: 2, tokens: "30", meters: {} }];
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    const outcome = await books.pull("2026-02-10", [cost("100")], { on: "2026-03-20", fence: 2, unpriced });

    await books.reopen("2026-02", "2026-03-21");

    expect([outcome, books.pipeline("2026-02")?.entries["cred_1~10"]?.p]).toEqual(["held", { unpriced }]);
  });

  it("holds what races its close, and publishes what races its reopening", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });

    const closing = () => books.close("2026-02", "2026-03-20");
    const held = await books.pull("2026-02-10", [cost("104")], { on: "2026-03-20", fence: 2, meanwhile: closing });
    expect([held, await books.billed("2026-02"), await books.billed("2026-03")]).toEqual([
      "held",
      { "2026-02-10": "100" },
      { "2026-03-20": "4" },
    ]);

    const reopening = () => books.reopen("2026-02", "2026-03-21");
    const free = await books.pull("2026-02-10", [cost("105")], { on: "2026-03-21", fence: 3, meanwhile: reopening });
    expect([free, await books.billed("2026-02"), await books.billed("2026-03")]).toEqual([
      "restatement",
      { "2026-02-10": "105" },
      {},
    ]);
  });

  it("is corrected once by two publications at once, by the newer rows", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");

    const newer = () => books.pull("2026-02-10", [cost("107")], { on: "2026-03-20", fence: 3 });
    const older = await books.pull("2026-02-10", [cost("104")], { on: "2026-03-20", fence: 2, meanwhile: newer });

    expect([older, await books.billed("2026-03")]).toEqual(["superseded", { "2026-03-20": "7" }]);
  });

  it("books nothing into a month that is closed meanwhile", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    await books.pull("2026-02-10", [cost("104")], { on: "2026-03-20", fence: 2 });

    const closing = () => books.close("2026-03", "2026-04-01");
    await books.pull("2026-02-10", [cost("103")], { on: "2026-04-01", fence: 3, meanwhile: closing });

    expect(await books.billed("2026-03")).toEqual({ "2026-03-20": "4" });
    expect(await books.billed("2026-04")).toEqual({ "2026-04-01": "-1" });
  });

  it("goes on from what was pulled last, which reads do not show", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    await books.pull("2026-02-10", [cost("104")], { on: "2026-03-20", fence: 2 });

    const place = { org: ledgerOrg, epoch: 1, pipelineId };
    const [pulled] = await pulledDays(place, "2026-02", books.documents);
    const { days } = await publishedMonth(ledgerOrg, "2026-02", 1, books.documents);

    expect([pulled?.totals, days[0]?.totals]).toEqual([{ USD: ["104", "104"] }, { USD: ["100", "100"] }]);
    expect(pulled?.batches["cost_data_standard"]?.[0]).toMatch(/^run_2-/);
  });

  it("leaves a note of every batch that nothing names any more", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.pull("2026-02-10", [cost("101")], { on: "2026-02-12", fence: 2 });
    await books.close("2026-02", "2026-03-05");
    await books.pull("2026-02-10", [cost("104")], { on: "2026-03-20", fence: 3 });
    await books.pull("2026-02-10", [cost("105")], { on: "2026-03-21", fence: 4 });
    await books.reopen("2026-02", "2026-03-22");

    const named = ["2026-02", "2026-03"].flatMap((month) => Object.values(books.pipeline(month)?.batches ?? {}));
    expect(named.map(({ run }) => run)).toEqual(["run_4"]);
    const replaced = books.looseBatches().filter(({ dueAt }) => dueAt > "2027-03");
    expect(replaced.map(({ batchId, dueAt }) => [batchId.split("-")[0], dueAt.slice(0, 10)])).toEqual(
      expect.arrayContaining([
        ["run_1", "2027-03-19"],
        ["run_3", "2027-04-25"],
        ["run_2", "2027-04-26"],
      ]),
    );
    expect(replaced.filter(({ batchId }) => batchId.includes("-correction-"))).toHaveLength(2);
  });

  it("is not reopened while its adjustments lie in a closed month", async () => {
    await books.pull("2026-02-10", [cost("100")], { on: "2026-02-11", fence: 1 });
    await books.close("2026-02", "2026-03-05");
    await books.pull("2026-02-10", [cost("104.50")], { on: "2026-03-20", fence: 2 });
    await books.close("2026-03", "2026-04-01");

    await expect(books.reopen("2026-02", "2026-04-02")).rejects.toMatchObject({
      code: "ADJUSTMENT_IN_CLOSED_MONTH",
      extra: { months: ["2026-03"] },
    });
  });
});
