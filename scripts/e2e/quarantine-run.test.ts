import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import type { JournalDocument } from "#shared/ledger/publish.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { QualityDocument, RunDocument } from "#shared/pipelines/run.ts";
import { qualityPath } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { anthropic } from "#shared/providers/anthropic/anthropic.ts";
import type { ProviderAdapter, Row } from "#shared/providers/provider.ts";
import type { Expectation } from "#shared/quality/expectation.ts";
import { discardQuarantine, releaseQuarantine } from "#shared/quarantine/decide.ts";
import type { QuarantineItem } from "#shared/quarantine/quarantine-answer.ts";
import { listQuarantines } from "#shared/quarantine/quarantine-read.ts";
import { plainEffects, publishedBilled, startWorld, type World } from "./world.ts";

const days = ["2026-07-01", "2026-07-02", "2026-07-03"];
const wrongDay = "2026-07-02";
const cents: Expectation = {
  id: "cents",
  kind: "unit_sanity",
  table: "cost_data_standard",
  severity: "error",
  per: "day",
  reported: "x_reported",
  computed: "x_computed",
  max_ratio: "10",
  min_abs: "1",
};
const caller = { kind: "root" as const, credentialId: "root" as const };
const reason = { reason: "looked at by hand" };

/** Anthropic's adapter with both sides of each charge; it reads the cents of some days as dollars. */
function readingCentsAsDollars(wrongDays: readonly string[]): ProviderAdapter {
  const focusRows: NonNullable<ProviderAdapter["focusRows"]> = async (context) => {
    const pulled = await anthropic.focusRows?.(context);
    if (pulled === undefined) throw new Error("Anthropic maps no charges");
    const rows = (pulled.rows["cost_data_standard"] ?? []).map((row) => withSides(row, wrongDays));
    return { ...pulled, rows: { ...pulled.rows, cost_data_standard: rows } };
  };
  return { ...anthropic, focusRows };
}

function withSides(row: Row, wrongDays: readonly string[]): Row {
  const right = String(row["BilledCost"]);
  const read = wrongDays.includes(String(row["x_charge_date"])) ? amountText(parseAmount(right).times(100)) : right;
  const amounts = { BilledCost: read, EffectiveCost: read, ListCost: read, ContractedCost: read };
  return { ...row, ...amounts, x_reported: read, x_computed: right };
}

describe("an adapter that reads Anthropic's cents as dollars", () => {
  let world: World;
  let count = 0;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  async function freshOrg(): Promise<OrgIdentity> {
    count += 1;
    const { org } = await world.onboarded(`cents${count}`);
    const request = { credential: `sk-ant-admin-sim-cents-case-${count}` };
    await setUpIntegration(
      { org, provider: "anthropic", request },
      plainEffects<SetupAnswer>(world.ports),
      world.ports,
    );
    return org;
  }

  async function ran(org: OrgIdentity, wrongDays: readonly string[], end_date = "2026-07-03"): Promise<RunDocument> {
    const shipped = (await pipelines()).byAddress("anthropic/usage_cost");
    const pipeline: Pipeline = { ...shipped, config: { ...shipped.config, expectations: [cents] } };
    const body = { start_date: "2026-07-01", end_date };
    const asked = { org, caller, pipeline, body, query: {}, requestId: "req_test" };
    const request = { ...asked, claimedUser: undefined, traceparent: undefined };
    const { body: answer } = await triggerRun(request, plainEffects<RunAnswer>(world.ports), world.ports);
    const adapterOf = () => readingCentsAsDollars(wrongDays);
    await processRun({ org: org.key, run_id: answer.run_id }, world.ports, { adapterOf });
    return world.run(org, answer.run_id);
  }

  const july = (org: OrgIdentity) => publishedMonth(org, "2026-07", 1, world.ports.documents);
  const billed = async (org: OrgIdentity) => publishedBilled(await july(org));
  async function onlyItem(org: OrgIdentity): Promise<QuarantineItem> {
    const { quarantine } = await listQuarantines(org, { limit: 50 }, world.ports.documents);
    expect(quarantine).toHaveLength(1);
    return quarantine[0] as QuarantineItem;
  }
  const decide = (org: OrgIdentity, id: string) => ({ org, caller, id, body: reason });
  const release = (org: OrgIdentity, id: string) =>
    releaseQuarantine(decide(org, id), plainEffects(world.ports), world.ports);
  const refusal = (code: string) => expect.objectContaining({ code });

  it("is held out of every total, while the other days are published", async () => {
    const org = await freshOrg();

    const run = await ran(org, [wrongDay]);

    expect([run.status, run.error?.code]).toEqual(["FAILED", "DATA_QUARANTINED"]);
    expect(run.result).toMatchObject({ publishedDays: [days[0], days[2]], quarantinedDays: [wrongDay] });
    expect(Object.keys(await billed(org))).toEqual([days[0], days[2]]);
    const item = await onlyItem(org);
    expect(item).toMatchObject({ status: "OPEN", days: [wrongDay], ratio: "100", old_totals: null, run_id: run.runId });
    expect(item.failed_expectations).toMatchObject([{ id: "cents", day: wrongDay, severity: "error" }]);
    const path = qualityPath(org.key, run.runId, "cost_data_standard");
    const quality = (await world.ports.documents.get<QualityDocument>(path)).body;
    expect(quality).toMatchObject({ status: "FAIL", passed: 6, failed: 1 });
  });

  it("keeps what was published of the day, and publishes what was held once a person releases it", async () => {
    const org = await freshOrg();
    await ran(org, []);
    const right = await billed(org);
    await ran(org, [wrongDay]);
    expect(await billed(org)).toEqual(right);
    const item = await onlyItem(org);

    const answer = await release(org, item.id);

    expect(answer).toMatchObject({ published_days: [wrongDay], quarantine: { status: "RELEASED", ...reason } });
    const wrong = { ...right, [wrongDay]: amountText(parseAmount(right[wrongDay] ?? "").times(100)) };
    expect(await billed(org)).toEqual(wrong);
    const { documents } = await world.ports.documents.list<JournalDocument>({
      collection: `orgs/${org.key}/journal`,
      filters: [{ field: "source", is: "==", value: item.source }],
      orderBy: [{ field: "day", direction: "asc" }],
      limit: 10,
    });
    expect(documents.map(({ body }) => [body.kind, body.reason])).toContainEqual(["restatement", "manual"]);
    await expect(release(org, item.id)).rejects.toEqual(refusal("QUARANTINE_NOT_OPEN"));
    expect((await ran(org, [wrongDay])).status).toBe("COMPLETED");
  });

  it("is forgotten when it is discarded", async () => {
    const org = await freshOrg();
    await ran(org, [wrongDay]);
    const { id } = await onlyItem(org);

    const item = await discardQuarantine(decide(org, id), plainEffects(world.ports));

    expect([item.status, Object.keys(await billed(org))]).toEqual(["DISCARDED", [days[0], days[2]]]);
    await expect(release(org, id)).rejects.toEqual(refusal("QUARANTINE_NOT_OPEN"));
  });

  it("cannot be released once newer data is published, and not after 30 days", async () => {
    const [org, late] = [await freshOrg(), await freshOrg()];
    await ran(org, [wrongDay]);
    await ran(late, [wrongDay]);
    const [{ id }, { id: lateId }] = [await onlyItem(org), await onlyItem(late)];

    await ran(org, []);
    const right = await billed(org);

    expect((await onlyItem(org)).status).toBe("SUPERSEDED");
    await expect(release(org, id)).rejects.toEqual(refusal("QUARANTINE_SUPERSEDED"));
    expect(await billed(org)).toEqual(right);
    world.clock.advance(30 * 86_400);
    await expect(release(late, lateId)).rejects.toEqual(refusal("QUARANTINE_NOT_OPEN"));
    world.clock.advance(-30 * 86_400);
  });

  it("keeps newer days when the rest of a quarantine is released", async () => {
    const org = await freshOrg();
    await ran(org, days.slice(1));
    const { id } = await onlyItem(org);
    await ran(org, [], "2026-07-02");
    const newer = await billed(org);

    const answer = await release(org, id);

    expect(answer).toMatchObject({ published_days: [days[2]], superseded_days: [wrongDay] });
    expect(await billed(org)).toEqual({ ...newer, "2026-07-03": expect.any(String) });
  });

  it("is held once: a newer run that holds the same days takes the place of the older", async () => {
    const org = await freshOrg();
    await ran(org, [wrongDay]);
    const older = await onlyItem(org);

    await ran(org, [wrongDay, days[2] ?? ""]);

    const { quarantine } = await listQuarantines(org, { limit: 50 }, world.ports.documents);
    const statuses = Object.fromEntries(quarantine.map(({ id, status }) => [id, status]));
    expect(statuses[older.id]).toBe("SUPERSEDED");
    expect(quarantine.filter(({ status }) => status === "OPEN").map((item) => item.days)).toEqual([days.slice(1)]);
  });
});
