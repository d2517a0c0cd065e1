import { afterAll, beforeAll, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { broughtValues } from "#shared/history/brought-rows.fixture.ts";
import { flushHistory } from "#shared/history/flush.ts";
import type { WrittenPrice } from "./price-answer.ts";
import { withdrawPrice } from "./price-removal.ts";
import { addPrice } from "./provider-prices.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

it("mirrors every write of a price into the organization's dataset, each once", async () => {
  const { org } = await world.onboarded("mirrored");
  const request = { model_id: "acme-llm", input_per_1m: "1.5", output_per_1m: "2", effective_from: "2026-01-01" };
  const on = { org, caller, provider: "openai" };
  await addPrice({ ...on, flow: "payg", request }, plainEffects<WrittenPrice>(world.ports), world.ports);
  await withdrawPrice({ ...on, model: "acme-llm", priceId: undefined }, plainEffects<null>(world.ports), world.ports);

  await flushHistory(world.ports);
  await flushHistory(world.ports);

  const table = (await loadTableConfig("organizations")).tables.find(({ name }) => name === "genai_model_prices");
  const stored = (await world.ports.documents.get<{ dataset: { id: string } }>(`orgs/${org.key}`)).body;
  if (table === undefined || stored === undefined) throw new Error("no table or organization");
  const place = { datasetId: stored.dataset.id, table };
  const column = async (name: string): Promise<unknown[]> => broughtValues(place, name, world.ports);
  expect((await column("version")).sort()).toEqual([1, 2]);
  expect((await column("operation")).sort()).toEqual(["CREATE", "UPDATE"]);
  expect((await column("price_book_version")).sort()).toEqual(["p1.o1", "p1.o2"]);
  expect(await column("input_per_1m")).toEqual(["1.5", "1.5"]);
});
