import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Charge,
  freshStores,
  goldenOrg,
  publish,
  type Stores,
  withOrganization,
} from "#shared/costs/publication.fixture.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { ownPrice } from "./book.fixture.ts";
import { dissent } from "./dissent-read.ts";
import { allPrices, flowPrices, priceHistory } from "./flow-prices.ts";
import type { ObservedPorts } from "./observed-skus.ts";
import type { Dissent, PriceVersion } from "./price.ts";
import { providerPrice, providerPrices } from "./prices-read.ts";
import { quote } from "./quote-endpoint.ts";

let stores: Stores;
let ports: ObservedPorts;
let orgs = 0;
beforeAll(async () => {
  stores = await freshStores({ now: "2026-08-20T12:00:00Z" });
  ports = { ...stores, ids: systemIds };
});
afterAll(() => stores.close());

/** Another organization on the same stores. */
const another = () => {
  orgs += 1;
  const slug = `observed_${orgs}`;
  return withOrganization(stores, { slug, key: slug, orgId: `org_${orgs}` });
};

interface Billed {
  day: string;
  billed: string;
  tokens: string;
  model?: string;
  currency?: string;
  columns?: Record<string, unknown>;
}

/** A charge of the cost report for input tokens of gpt-4o, whose list price is 2.5. */
function charge({ day, billed, tokens, model = "gpt-4o", currency = "USD", columns = {} }: Billed): Charge {
  const facts = {
    x_genai_provider: "openai",
    x_model: model,
    x_token_type: "uncached_input",
    SkuId: `openai/${model}`,
  };
  const counted = { x_service_tier: "standard", ConsumedQuantity: tokens, ConsumedUnit: "Tokens" };
  const place = { provider: "openai", category: "llm", service: "OpenAI API" };
  return { ...place, day, billed, currency, columns: { ...facts, ...counted, ...columns } };
}

const bill = (at: Stores, ...charges: Billed[]) =>
  publish(at, { pipelineId: "openai-cost-usage-cost", charges: charges.map(charge), fence: 1 });

async function dissentOf({ org }: Stores, model = "gpt-4o"): Promise<unknown> {
  const { dissent: found } = await providerPrice({ org, provider: "openai", model, query: {} }, ports);
  return found;
}

const off = (value: string, other: Partial<Dissent> = {}): Dissent => ({
  source: "observed:openai/gpt-4o",
  meter: "input_per_1m",
  value,
  in_use: "2.5",
  difference_pct: "20",
  as_of: "2026-08-10",
  ...other,
});

// prices-and-plans.md, A5: provider-reported cost / quantity of one SKU and month
describe("the observed rate of an organization's bills", () => {
  it("stands as dissent on every row that shows the price, and in the list of dissent", async () => {
    const at = await another();
    const { org } = at;
    await bill(
      at,
      { day: "2026-08-03", billed: "1.2", tokens: "400000" },
      { day: "2026-08-10", billed: "1.8", tokens: "600000" },
    );

    const asked = { provider: "openai", model_id: "gpt-4o", tokens: { input: 1 } };
    const list = await providerPrices(
      { org, provider: "openai", query: { include_custom: true, include_history: false, limit: 500 } },
      ports,
    );
    const all = await allPrices({ org, query: { include_inactive: false } }, ports);
    const everything = await allPrices({ org, query: { include_inactive: true } }, ports);
    const flow = await flowPrices({ org, flow: "payg", query: { provider: "openai", limit: 500 } }, ports);
    const one = await providerPrice({ org, provider: "openai", model: "gpt-4o", query: {} }, ports);
    const history = await priceHistory(
      { org, flow: "payg", identifier: "gpt-4o", query: { provider: "openai" } },
      ports,
    );
    const quoted = await quote({ org, request: { flow: "payg", ...asked } }, ports);
    const against = await dissent({ org, query: { min_difference_pct: 19 } }, ports);

    const rows = [list.pricing, all.payg, everything.payg, flow.pricing, [one], one.versions, history.versions];
    const shown = rows.map((each) => each.filter(({ model_id: id }) => id === "gpt-4o"));
    expect([...shown.flat(), quoted.price].map((row) => row?.dissent)).toEqual(Array(8).fill([off("3")]));
    const found = against.dissent.filter(({ source }) => source.startsWith("observed"));
    expect(found).toEqual([expect.objectContaining({ provider: "openai", model_id: "gpt-4o", ...off("3") })]);
  });

  it("is nobody else's", async () => {
    const at = await another();
    const other = await another();
    await bill(at, { day: "2026-08-10", billed: "3", tokens: "1000000" });
    await bill(other, { day: "2026-08-10", billed: "2.5", tokens: "1000000" });

    expect(await dissentOf(at)).toEqual([off("3")]);

    expect(await dissentOf(other)).toEqual([]);
    const { dissent: against } = await dissent({ org: other.org, query: { min_difference_pct: 0 } }, ports);
    expect(against.filter(({ source }) => source.startsWith("observed"))).toEqual([]);
    const { dissent: golden } = await dissent({ org: goldenOrg, query: { min_difference_pct: 0 } }, ports);
    expect(JSON.stringify([against, golden])).not.toContain("observed");
  });

  it.each<[string, Billed, Dissent[]]>([
    ["of 1,000,000 units", { day: "2026-08-10", billed: "3", tokens: "1000000" }, [off("3")]],
    ["of less", { day: "2026-08-10", billed: "2.999997", tokens: "999999" }, []],
    ["that is 1 % off", { day: "2026-08-10", billed: "2.525", tokens: "1000000" }, []],
    [
      "that is a little more",
      { day: "2026-08-10", billed: "2.52501", tokens: "1000000" },
      [off("2.52501", { difference_pct: "1" })],
    ],
    [
      "of another tier",
      { day: "2026-08-10", billed: "5.1", tokens: "1000000", columns: { x_service_tier: "priority" } },
      [off("5.1", { meter: "priority.input_per_1m", in_use: "4.25" })],
    ],
    [
      "that we computed",
      { day: "2026-08-10", billed: "3", tokens: "1000000", columns: { x_cost_basis: "computed" } },
      [],
    ],
    ["of charges", { day: "2026-08-10", billed: "3", tokens: "1000000", columns: { ConsumedUnit: "Charges" } }, []],
    ["in another currency", { day: "2026-08-10", billed: "3", tokens: "1000000", currency: "EUR" }, []],
    ["of three months ago", { day: "2026-05-31", billed: "3", tokens: "1000000" }, []],
    ["of two months ago", { day: "2026-06-01", billed: "3", tokens: "1000000" }, [off("3", { as_of: "2026-06-01" })]],
    ["of a model that nobody prices", { day: "2026-08-10", billed: "3", tokens: "1000000", model: "gpt-99" }, []],
  ])("%s", async (_name, charged, expected) => {
    const at = await another();

    await bill(at, charged);

    expect(await dissentOf(at)).toEqual(expected);
  });

  it("is the newest month's: one that agrees ends the dissent of an older one", async () => {
    const at = await another();
    await bill(at, { day: "2026-07-10", billed: "3", tokens: "1000000" });
    expect(await dissentOf(at)).toEqual([off("3", { as_of: "2026-07-10" })]);

    await bill(at, { day: "2026-08-10", billed: "2.5", tokens: "1000000" });

    expect(await dissentOf(at)).toEqual([]);
  });

  it("is measured against the price in use on its days, and against none where that changed in between", async () => {
    const [changed, before] = [await another(), await another()];
    const days = [
      { day: "2026-08-03", billed: "1.5", tokens: "500000" },
      { day: "2026-08-10", billed: "1.5", tokens: "500000" },
    ];
    await bill(changed, ...days);
    await bill(before, ...days);
    const own = (from: string): PriceVersion => ownPrice("gpt-4o", from, { input_per_1m: "3.1", output_per_1m: "9" });
    await withPrice(changed, own("2026-08-05"));
    await withPrice(before, own("2026-08-01"));

    expect(await dissentOf(changed)).toEqual([]);

    expect(await dissentOf(before)).toEqual([off("3", { in_use: "3.1", difference_pct: "-3.23" })]);
  });

  it("stands on a price with an override, not on the row below it", async () => {
    const at = await another();
    await bill(at, { day: "2026-08-10", billed: "3", tokens: "1000000" });
    await withPrice(at, ownPrice("gpt-4o", "2026-08-01", { input_per_1m: "2.4" }, { kind: "override" }));

    const {
      dissent: found,
      base,
      override,
    } = (await providerPrice(
      { org: at.org, provider: "openai", model: "gpt-4o", query: {} },
      ports,
    )) as unknown as Record<"dissent" | "base" | "override", { dissent: unknown }>;

    const expected = [off("3", { in_use: "2.4", difference_pct: "25" })];
    expect([found, base.dissent, override.dissent]).toEqual([expected, [], expected]);
  });
});

async function withPrice({ org, documents }: { org: Stores["org"]; documents: Documents }, price: PriceVersion) {
  await documents.transaction(async (tx) => {
    tx.create(`orgs/${org.key}/prices/${price.priceId}`, price);
    tx.create(`orgs/${org.key}/priceBook/state`, { orgVersion: 1, releasePolicy: "latest", release: null });
  });
}
