import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { validBody } from "#shared/runtime/schema.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { ensureOutputTables, OutputTablesMessage } from "./output-tables.ts";
import { type SyncAnswer, syncProcedures } from "./procedures.ts";

let world: World;
const slugs = ["tables_one", "tables_two", "tables_three"];
beforeAll(async () => {
  world = await startWorld();
  for (const slug of slugs) await world.onboarded(slug);
}, 60_000);
afterAll(() => world.stop());

async function dataset(key: string): Promise<OrgDocument> {
  const { body } = await world.ports.documents.get<OrgDocument>(orgPath(key));
  if (body === undefined) throw new Error(`no organization ${key}`);
  return body;
}

async function tablesOf(key: string): Promise<string[]> {
  const described = await world.ports.warehouse.describeDataset((await dataset(key)).dataset.id);
  return (described?.tables ?? []).map(({ name }) => name);
}

async function without(table: string): Promise<void> {
  for (const slug of slugs) {
    const org = await dataset(slug);
    await world.ports.warehouse.dropTable(org.dataset.id, org.orgId, table);
  }
}

function recording(): { published: Message[]; ports: EnginePorts } {
  const published: Message[] = [];
  const topics: Topics = { publish: async (messages) => void published.push(...messages), close: async () => {} };
  return { published, ports: { ...world.ports, topics } };
}

describe("the tables that pipelines write", () => {
  it("are made where an organization lacks them, once or twice alike", async () => {
    await without("saas_costs_daily");

    await ensureOutputTables({ v: 1 }, world.ports);
    await ensureOutputTables({ v: 1 }, world.ports);

    for (const slug of slugs) expect(await tablesOf(slug)).toContain("saas_costs_daily");
  });

  it("are made for all organizations by as many messages as it takes", async () => {
    await without("saas_costs_daily");
    const { documents } = world.ports;
    let now = world.clock.now().getTime();
    const clock = {
      now: () => {
        now += 301_000;
        return new Date(now);
      },
    };
    const slow = { ...documents, list: (query) => documents.list({ ...query, limit: 1 }) } as EnginePorts["documents"];
    const { published, ports } = recording();

    await ensureOutputTables({ v: 1 }, { ...ports, documents: slow, clock });
    expect(await tablesOf("tables_two")).not.toContain("saas_costs_daily");
    for (let at = 0; at < published.length; at++) {
      const message = await validBody(OutputTablesMessage, structuredClone(published[at]?.payload));
      await ensureOutputTables(message, { ...ports, documents: slow, clock });
    }

    expect(published).toHaveLength(2);
    for (const slug of slugs) expect(await tablesOf(slug)).toContain("saas_costs_daily");
  });

  it("follow a sync together with the schedules, and no sync that fails", async () => {
    const { published, ports } = recording();
    const sync = (procedures?: string[]) =>
      syncProcedures({ force: false, ...(procedures && { procedures }) }, plainEffects<SyncAnswer>(ports));

    const failed = await sync(["unheard-of"]);
    expect(published).toEqual([]);
    const done = await sync();

    expect([failed.success, done.success]).toEqual([false, true]);
    expect(published.map(({ topic }) => topic)).toEqual(["pipeline-outputs", "tick-reconcile-schedules-tick"]);
  });
});
