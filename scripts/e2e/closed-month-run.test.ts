import { afterAll, beforeAll, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { countedDays, headPath, pipelineMonthPath, publishedMonth } from "#shared/ledger/current-batches.ts";
import type { MonthHead, PipelineMonth } from "#shared/ledger/ledger.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { closeAsItStands } from "./closed-month.fixture.ts";
import { startWorld, type World } from "./world.ts";

const account = "closedmonth";
const days = { start_date: "2026-07-01", end_date: "2026-07-03" };
const pipelineId = "openai-cost-usage-cost";
let world: World;
let org: OrgIdentity;

beforeAll(async () => {
  world = await startWorld();
  ({ org } = await world.onboarded("closedmonth"));
  await world.connected(org, account);
});
afterAll(() => world.stop());

const changed = (delta: string) =>
  world.sim("PUT", "adjust", {
    provider: "openai",
    account,
    day: "2026-07-02",
    line_item: "code interpreter sessions",
    delta,
  });
const billed = async (month: string): Promise<string> => {
  const counted = countedDays(await publishedMonth(org, month, 1, world.ports.documents));
  return amountText(sumAmounts(counted.map(({ totals }) => parseAmount(totals["USD"]?.[0] ?? "0"))));
};
const july = async () => {
  const paths = [headPath(org, "2026-07"), pipelineMonthPath(org, "2026-07", pipelineId)];
  const [head, pipeline] = await world.ports.documents.getAll<object>(paths);
  return [
    (head?.body as MonthHead | undefined)?.ledgerVersion,
    (pipeline?.body as PipelineMonth | undefined)?.entries,
  ] as const;
};

it("holds what a run pulls of a closed month, and books the difference once, however often it is pulled", async () => {
  await world.ran(org, days);
  await closeAsItStands(world, org, "2026-07");
  const [before, total] = [await july(), await billed("2026-07")];
  await changed("-1.25");

  const run = await world.ran(org, days);
  const again = await world.ran(org, { ...days, force_refresh: true });

  expect(run.result).toMatchObject({
    heldDays: ["2026-07-02"],
    unchangedDays: ["2026-07-01", "2026-07-03"],
    restatedDays: [],
  });
  expect([again.status, again.result?.heldDays]).toEqual(["COMPLETED", []]);
  expect([await july(), await billed("2026-07")]).toEqual([before, total]);
  expect(await billed("2026-08")).toBe("-1.25");
}, 120_000);
