import { beforeEach, describe, expect, it } from "vitest";
import { type Answered, apiOf, type Body, rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

let host: Host;
let key: string;
const { call, onboarded } = apiOf(() => ({ host, key }));

beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, { "x-ca-root-key": rootKey });
  key = await onboarded("test_org");
}, 60_000);

const pricing = "/integrations/test_org/openai/pricing";
const genai = "/genai/test_org/pricing";

async function quoted(request: Body): Promise<Body> {
  const { status, body } = await call("POST", `${genai}/quote`, { day: "2026-08-02", ...request });
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

function rowOf({ body }: Answered, model: string): Body | undefined {
  return (body["pricing"] as Body[]).find((row) => row["model_id"] === model);
}

describe("prices of a provider", () => {
  // prices-and-plans.md E
  it("are listed before any setup and taken by the names of older clients", async () => {
    const listed = await call("GET", pricing);
    const older = { price_per_1k_input_tokens: 5.0, price_per_1k_output_tokens: 15.0, effective_date: "2025-01-01" };
    const added = await call("POST", pricing, { model_id: "gpt-4o", ...older });
    const again = await call("POST", pricing, { model_id: "gpt-4o", ...older });
    const other = await call("POST", pricing, { model_id: "gpt-4o", ...older, price_per_1k_input_tokens: 6 });

    expect(listed.body).toMatchObject({ org_slug: "test_org", provider: "openai", count: 96, next_cursor: null });
    expect(added.status, JSON.stringify(added.body)).toBe(201);
    expect(added.body).toMatchObject({
      input_per_1m: "5000",
      price_per_1k_input_tokens: "5",
      output_per_1m: "15000",
      effective_from: "2025-01-01",
      is_custom: true,
      warnings: [{ code: "PRICE_FAR_FROM_DEFAULT" }, { code: "PRICE_FAR_FROM_DEFAULT" }],
    });
    expect([again.status, again.body["price_id"]]).toEqual([200, added.body["price_id"]]);
    expect([other.status, other.body["error"]]).toEqual([409, "PRICE_EXISTS"]);
    const after = await call("GET", pricing);
    expect(rowOf(after, "gpt-4o")).toMatchObject({ input_per_1m: "5000", is_custom: true });
    expect([listed.body["price_book_version"], after.body["price_book_version"]]).toEqual(["p1.o0", "p1.o1"]);
    const logs = await call("GET", "/organizations/test_org/audit-logs?action=price.added");
    expect((logs.body["logs"] as Body[]).length).toBe(1);
  });

  it("follow each other in versions that can be read at any day, and quoted in any version of the book", async () => {
    await call("POST", pricing, {
      model_id: "acme-llm",
      input_per_1m: "1",
      output_per_1m: 2,
      effective_from: "2026-01-01",
    });
    const next = await call("PUT", `${pricing}/acme-llm`, { input_per_1m: 0.8, effective_from: "2026-08-01" });
    const stale = await call("PUT", `${pricing}/acme-llm`, { input_per_1m: 9, expected_version: "p1.o1" });
    const tokens = { input: 1_000_000, output: 1_000_000 };
    const ask = { provider: "openai", model_id: "acme-llm", tokens };

    expect(next.body).toMatchObject({ input_per_1m: "0.8", output_per_1m: "2" });
    expect([stale.status, stale.body["error"]]).toEqual([409, "VERSION_CONFLICT"]);
    // #10 of A10, its third day an instant that is still 31 July in UTC
    expect((await quoted({ ...ask, day: "2026-07-31" }))["contracted_cost"]).toBe("3");
    expect((await quoted({ ...ask, day: "2026-08-01" }))["contracted_cost"]).toBe("2.8");
    expect((await quoted({ ...ask, day: "2026-08-01T01:30:00+02:00" }))["contracted_cost"]).toBe("3");
    expect((await quoted({ ...ask, price_book_version: "p1.o1" }))["contracted_cost"]).toBe("3");
    const got = await call("GET", `${pricing}/ACME-LLM-20260101?at=2026-08-05`);
    expect(got.body).toMatchObject({ input_per_1m: "0.8", match: { rule: "snapshot", model_id: "acme-llm" } });
    expect((got.body["versions"] as Body[]).map((row) => [row["effective_from"], row["effective_to"]])).toEqual([
      ["2026-01-01", "2026-07-31"],
      ["2026-08-01", null],
    ]);
    expect((await call("POST", `${genai}/quote`, { ...ask, price_book_version: "p1.o99" })).status).toBe(404);
  });

  it("are changed in bulk all or none, or in part when asked", async () => {
    const updates = [
      { model_id: "gpt-4o", input_per_1m: "3" },
      { model_id: "gpt-99", input_per_1m: "3" },
      { model_id: "gpt-4.1", input_per_1m: "3", hourly_rate: "1" },
    ];

    const whole = await call("PATCH", pricing, { updates });
    const wrong = await call("PATCH", pricing, { updates: updates.slice(0, 2) });
    const part = await call("PATCH", `${pricing}?partial=true`, { updates: updates.slice(0, 2) });

    expect(whole.status).toBe(422);
    expect(wrong.body["fields"]).toEqual([{ path: "/updates/1/model_id", problem: expect.any(String) }]);
    expect(part.body).toMatchObject({
      updated_count: 1,
      failed_count: 1,
      errors: [{ index: 1, error: "PRICE_NOT_FOUND" }],
    });
    expect(rowOf(await call("GET", pricing), "gpt-4o")).toMatchObject({ input_per_1m: "3", output_per_1m: "10" });
  });

  it("are withdrawn and never deleted; the platform's cannot be withdrawn", async () => {
    await call("POST", pricing, { model_id: "gpt-4o", input_per_1m: "3", output_per_1m: "4" });
    await call("POST", pricing, { model_id: "mine", input_per_1m: "3", output_per_1m: "4" });

    const gone = await call("DELETE", `${pricing}/gpt-4o`);
    const default_ = await call("DELETE", `${pricing}/gpt-4o`);
    const never = await call("DELETE", `${pricing}/gpt-99`);
    const reset = await call("POST", `${pricing}/reset`, {});

    expect([gone.status, default_.status, never.status]).toEqual([204, 409, 404]);
    expect(default_.body["error"]).toBe("PRICE_IS_DEFAULT");
    expect([rowOf(reset, "mine"), rowOf(reset, "gpt-4o")?.["input_per_1m"]]).toEqual([undefined, "2.5"]);
    const history = await call("GET", `${genai}/payg/gpt-4o/history?provider=openai`);
    expect((history.body["versions"] as Body[]).map((row) => row["status"]).sort()).toEqual(["active", "withdrawn"]);
  });

  it("keep a model id with slash, colon, space and letters of any script", async () => {
    const model = "Org/Modell ü:v1%2F@x";
    const path = `${pricing}/${encodeURIComponent(model)}`;

    const added = await call("POST", pricing, { model_id: model, input_per_1m: "1", output_per_1m: "1" });
    const put = await call("PUT", path, { input_per_1m: "2" });
    const got = await call("GET", path);
    const gone = await call("DELETE", path);

    expect([added.status, put.status, got.status, gone.status]).toEqual([201, 200, 200, 204]);
    expect([added.body["model_id"], got.body["model_id"], got.body["input_per_1m"]]).toEqual([model, model, "2"]);
  });

  it("are refused with every problem at once, and nothing is written", async () => {
    const bad = {
      model_id: "m",
      input_per_1m: "-0.01",
      output_per_1m: "0.1234567890123",
      volume_discount_pct: "100.1",
      effective_from: "2026-02-30",
      price_per_1k_input_tokens: 5,
      hourly_rate: 1,
    };

    const schema = await call("POST", pricing, bad);
    const rules = await call("POST", pricing, {
      model_id: "m",
      input_per_1m: 1_000_001,
      volume_discount_pct: 100.1,
      effective_from: "1999-12-31",
      price_per_1k_input_tokens: 5,
    });

    expect([schema.status, rules.status]).toEqual([422, 422]);
    const paths = ({ body }: Answered) => (body["fields"] as { path: string }[]).map(({ path }) => path);
    expect(paths(schema)).toEqual(
      expect.arrayContaining(["/input_per_1m", "/output_per_1m", "/effective_from", "/hourly_rate"]),
    );
    expect(paths(rules).sort()).toEqual([
      "/effective_from",
      "/output_per_1m",
      "/price_per_1k_input_tokens",
      "/volume_discount_pct",
    ]);
    expect((await call("GET", pricing)).body["price_book_version"]).toBe("p1.o0");
  });

  it("of one organization show in no answer of another", async () => {
    await call("POST", pricing, { model_id: "secret-llm", input_per_1m: "1", output_per_1m: "1" });
    await call("PUT", `${genai}/payg/gpt-4o/override`, { provider: "openai", input_per_1m: "0.0123" });
    const alias = { provider: "openai", alias: "secret-alias", model_id: "gpt-4o" };
    expect((await call("PUT", "/genai/test_org/model-aliases", alias)).status).toBe(200);
    const other = { "x-api-key": await onboarded("other_org") };

    const list = await call("GET", "/integrations/other_org/openai/pricing?include_history=true", undefined, other);
    const theirGenai = "/genai/other_org/pricing";
    const lists = await Promise.all(
      [theirGenai, `${theirGenai}/payg`, `${theirGenai}/dissent?min_difference_pct=0`, "/genai/other_org/model-aliases"]
        .concat(`${theirGenai}/payg/gpt-4o/history?provider=openai`)
        .map((path) => call("GET", path, undefined, other)),
    );
    const quotes = await Promise.all(
      ["gpt-4o", "secret-alias"].map((model_id) => {
        const asked = { provider: "openai", model_id, tokens: { input: 1_000_000 } };
        return call("POST", `${theirGenai}/quote`, asked, other);
      }),
    );
    const request = { provider: "openai", model_id: "secret-llm", tokens: { input: 1 } };
    const quote = await call("POST", "/genai/other_org/pricing/quote", request, other);
    const theirs = await call("GET", pricing, undefined, other);

    for (const { status, body } of [list, ...lists]) {
      expect(status, JSON.stringify(body)).toBe(200);
      expect(JSON.stringify(body)).not.toMatch(/secret|0\.0123/);
    }
    expect(quotes.map(({ body }) => [body["contracted_cost"], body["status"]])).toEqual([
      ["2.5", "exact"],
      [null, "unpriced"],
    ]);
    expect(quote.body).toMatchObject({ status: "unpriced", contracted_cost: null, complete: false });
    expect([theirs.status, theirs.body["error"]]).toEqual([403, "ORG_MISMATCH"]);
  });

  it("written at once by many follow each other, and one key does it once", async () => {
    const added = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        call("POST", pricing, { model_id: `m-${at}`, input_per_1m: "1", output_per_1m: "1" }),
      ),
    );
    const once = { "x-api-key": key, "idempotency-key": "0123456789abcdef" };
    const body = { model_id: "twice", input_per_1m: "1", output_per_1m: "1" };
    const [first, second] = [await call("POST", pricing, body, once), await call("POST", pricing, body, once)];

    expect(added.map(({ status }) => status)).toEqual(Array(10).fill(201));
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect((await call("GET", pricing)).body["price_book_version"]).toBe("p1.o11");
  });
});

describe("overrides", () => {
  it("lie over the row in force from their day on and are cleared", async () => {
    const path = `${genai}/payg/gpt-4o-mini/override`;

    const set = await call("PUT", path, { override_value: "0.12", effective_from: "2026-07-10", notes: "contract" });
    // #11 of A10
    const ask = {
      provider: "openai",
      model_id: "gpt-4o-mini",
      tokens: { input: 10_000_000, cached_input: 2_000_000, output: 1_000_000 },
    };
    const on = await quoted({ ...ask, day: "2026-07-10" });
    const before = await quoted({ ...ask, day: "2026-07-09" });
    const cleared = await call("DELETE", `${path}?provider=openai`);
    const again = await call("DELETE", path);

    expect(set.status, JSON.stringify(set.body)).toBe(200);
    expect(set.body).toMatchObject({
      input_per_1m: "0.12",
      is_override: true,
      base: { input_per_1m: "0.15" },
      override: { kind: "override" },
    });
    expect([on["contracted_cost"], on["list_cost"]]).toEqual(["1.95", "2.25"]);
    expect([before["contracted_cost"], before["list_cost"]]).toEqual(["2.25", "2.25"]);
    expect([cleared.status, again.status]).toEqual([204, 204]);
    expect((await quoted({ ...ask, day: "2026-07-10" }))["contracted_cost"]).toBe("2.25");
  });

  it("take a discount on every rate, and ask for the provider where several price a name", async () => {
    await call("POST", `${genai}/payg`, {
      provider: "custom",
      model_id: "gpt-4o",
      input_per_1m: "1",
      output_per_1m: "1",
    });
    const path = `${genai}/payg/gpt-4o/override`;

    const unclear = await call("PUT", path, { discount_pct: 10 });
    const set = await call("PUT", path, { provider: "openai", discount_pct: 10 });
    const nothing = await call("PUT", path, { provider: "openai" });
    const batch = await quoted({
      provider: "openai",
      model_id: "gpt-4o",
      service_tier: "batch",
      tokens: { input: 1_000_000 },
      day: "2026-12-01",
    });

    expect([unclear.status, unclear.body["error"]]).toEqual([422, "PROVIDER_REQUIRED"]);
    expect(set.body).toMatchObject({ input_per_1m: "2.25", output_per_1m: "9" });
    expect(nothing.status).toBe(422);
    expect([batch["contracted_cost"], batch["list_cost"]]).toEqual(["1.125", "1.25"]);
  });
});

describe("all flows", () => {
  it("are listed, added to, withdrawn and seeded", async () => {
    const root = { "x-ca-root-key": rootKey };
    const all = await call("GET", genai, undefined, root);
    const gpu = { provider: "custom", instance_type: "box", gpu_type: "H100", gpu_count: 2, hourly_rate: "4" };
    const added = await call("POST", `${genai}/infrastructure`, gpu);
    const foreign = await call("POST", `${genai}/infrastructure`, { ...gpu, input_per_1m: 1 });
    const flow = await call("GET", `${genai}/infrastructure?provider=custom`);
    const gone = await call("DELETE", `${genai}/infrastructure/box`);
    const again = await call("DELETE", `${genai}/infrastructure/box`);
    const seeded = await call("POST", `${genai}/seed-defaults`, {});

    expect((all.body["payg"] as Body[]).length).toBe(141);
    expect([(all.body["commitment"] as Body[]).length, (all.body["infrastructure"] as Body[]).length]).toEqual([2, 10]);
    expect(added.body).toMatchObject({ instance_type: "box", hourly_rate: "4", flow: "infrastructure" });
    expect(foreign.status).toBe(422);
    expect(flow.body).toMatchObject({ flow: "infrastructure", count: 1 });
    expect([gone.status, again.status]).toEqual([204, 204]);
    expect(seeded.body).toMatchObject({ release: 1, flows_seeded: { payg: { records_available: 141 } } });
  });

  it("follow the newest release or stay with one", async () => {
    const pinned = await call("PUT", `${genai}/policy`, { release_policy: "pinned" });
    const future = await call("PUT", `${genai}/policy`, { release_policy: "pinned", release: 7 });

    expect(pinned.body).toMatchObject({ release_policy: "pinned", release: 1, price_book_version: "p1.o1" });
    expect(future.status).toBe(422);
  });

  it("are quoted to the last digit, past 2^53 and unpriced parts by name", async () => {
    const big = await quoted({ provider: "openai", model_id: "gpt-4o", tokens: { input: "9007199254740993" } });
    const audio = await quoted({ provider: "openai", model_id: "o3", tokens: { audio_input: 1e6, input: 1e6 } });
    const spot = await quoted({
      flow: "infrastructure",
      provider: "gcp_gpu",
      instance_type: "a3-highgpu-8g",
      region: "us-central1",
      infrastructure: { hours: 5.5, instance_count: 2, purchase: "spot" },
    });
    const units = await quoted({
      flow: "commitment",
      provider: "azure_openai",
      model_id: "gpt-4o",
      commitment: { commitment_type: "ptu", provisioned_units: 100, used_units: 120 },
    });
    const tooMany = await call("POST", `${genai}/quote`, {
      provider: "openai",
      model_id: "gpt-4o",
      tokens: { input: "9223372036854775808" },
    });

    expect(big["contracted_cost"]).toBe("22517998136.8524825");
    expect(audio).toMatchObject({ contracted_cost: "2", complete: false });
    expect(spot).toMatchObject({ list_cost: "973.39", contracted_cost: "389.356", gpu_hours: "88" });
    expect(units).toMatchObject({ contracted_cost: "3120" });
    expect(tooMany.status).toBe(422);
  });
});

describe("model aliases", () => {
  it("are one hop to a model that has a price", async () => {
    const path = "/genai/test_org/model-aliases";
    const alias = { provider: "openai", alias: "our-gpt", model_id: "gpt-4o" };

    const set = await call("PUT", path, alias);
    const chain = await call("PUT", path, { provider: "openai", alias: "x", model_id: "our-gpt" });
    const nowhere = await call("PUT", path, { provider: "openai", alias: "x", model_id: "gpt-99" });
    const priced = await quoted({ provider: "openai", model_id: "our-gpt", tokens: { input: 1_000_000 } });
    const list = await call("GET", path);
    const gone = await call("DELETE", `${path}?provider=openai&alias=our-gpt`);
    const after = await quoted({ provider: "openai", model_id: "our-gpt", tokens: { input: 1 } });

    expect([set.status, chain.status, nowhere.status, gone.status]).toEqual([200, 422, 422, 204]);
    expect(priced).toMatchObject({ contracted_cost: "2.5", match: { rule: "alias_org", model_id: "gpt-4o" } });
    expect(list.body).toMatchObject({ count: 1, aliases: [{ alias: "our-gpt" }] });
    expect(after["status"]).toBe("unpriced");
  });
});

describe("the platform's book", () => {
  const root = { "x-ca-root-key": rootKey };
  const path = "/admin/price-book";
  const header =
    "provider,model,input_per_1m,cached_input_per_1m,cache_write_5m_per_1m,cache_write_1h_per_1m,output_per_1m,batch_input_per_1m,batch_output_per_1m,context_window,max_output,deprecation_date,region,currency,effective_from,source,as_of,confidence";
  const row = (model: string, input: string, from = "2026-09-01"): string =>
    `openai,${model},${input},,,,10,,,,,,global,USD,${from},operator,2026-09-01,verified`;
  const csv = (...rows: string[]): string => [header, ...rows].join("\n");

  it("is loaded from up to 5 MiB of rows and not from more", async () => {
    const rows = csv(...Array.from({ length: 12_000 }, (_, at) => row(`own-model-number-${at}`, "2.5")));
    const asked = (content: string) =>
      call("POST", path, { flow: "payg", csv_content: content, reason: "vendor's page" }, root);

    const within = await asked(rows);
    const over = await asked("ü".repeat(2.5 * 1024 * 1024 + 1));
    const far = await asked("x".repeat(12 * 1024 * 1024));

    expect(Buffer.byteLength(rows)).toBeGreaterThan(1024 * 1024);
    expect([within.status, (within.body["added"] as string[]).length]).toEqual([200, 12_000]);
    expect([over.status, over.body["fields"]]).toMatchObject([422, [{ path: "/csv_content" }]]);
    expect(far.status).toBe(413);
  });

  it("is shown with what was left out of it and what speaks against it", async () => {
    const status = await call("GET", path, undefined, root);
    const dissent = await call("GET", `${genai}/dissent?min_difference_pct=50`);

    expect(status.body).toMatchObject({
      release: 1,
      oldest_as_of: "2025-12-01",
      pinned_orgs: 0,
      open_proposals: 0,
      refused: [{ row: "openai/gpt-5-nano priority" }],
    });
    expect(dissent.body["count"]).toBe(4);
    expect((dissent.body["dissent"] as Body[])[0]).toMatchObject({
      model_id: "claude-3-haiku-20240307",
      value: "0.5",
      in_use: "6",
    });
    expect((await call("GET", path)).status).toBe(403);
  });

  it("takes rows near other sources at once and others after a decision; pinned organizations do not notice", async () => {
    await call("PUT", `${genai}/policy`, { release_policy: "pinned" });
    const rows = csv(row("gpt-4o", "2.51"), row("gpt-4.1", "9"), row("brand-new", "1"), row("o3", "2", "2020-01-01"));
    const request = { flow: "payg", csv_content: rows, reason: "vendor's page" };

    const dry = await call("POST", path, request, root);
    const stays = await call("GET", path, undefined, root);
    const loaded = await call("POST", path, { ...request, dry_run: false }, root);
    const proposals = await call("GET", `${path}/proposals`, undefined, root);
    const [proposal] = proposals.body["proposals"] as Body[];
    const decide = `${path}/proposals/${String(proposal?.["proposal_id"])}`;
    const approved = await call("POST", decide, { decision: "approve", reason: "checked by hand" }, root);
    const again = await call("POST", decide, { decision: "reject", reason: "checked by hand" }, root);

    expect(dry.status, JSON.stringify(dry.body)).toBe(200);
    expect(dry.body).toMatchObject({ release: 1, dry_run: true, added: [expect.any(String), expect.any(String)] });
    expect(stays.body["release"]).toBe(1);
    expect(loaded.body).toMatchObject({
      release: 2,
      proposed: [{ row: "openai/gpt-4.1 global 2026-09-01" }],
      refused: [{ row: "openai/o3 global 2020-01-01" }],
    });
    expect([approved.body["release"], again.status, again.body["error"]]).toEqual([3, 409, "PROPOSAL_DECIDED"]);
    const ask = { provider: "openai", model_id: "gpt-4.1", tokens: { input: 1_000_000 }, day: "2026-10-01" };
    expect((await quoted(ask))["contracted_cost"]).toBe("2");
    expect((await quoted({ ...ask, price_book_version: "p3.o1" }))["contracted_cost"]).toBe("9");
    expect((await quoted({ ...ask, price_book_version: "p2.o1" }))["contracted_cost"]).toBe("2");
    await call("PUT", `${genai}/policy`, { release_policy: "latest" });
    expect((await quoted(ask))["contracted_cost"]).toBe("9");
  });

  it("takes tiers of rows that stand, each in the place of its own, and keeps the tiers of a row loaded anew", async () => {
    const tiers = "provider,model,tier,input_per_1m,cached_input_per_1m,cache_write_per_1m,output_per_1m";
    const load = (content: string, more: Body = {}) =>
      call(
        "POST",
        path,
        { flow: "payg", csv_content: content, reason: "vendor's page", dry_run: false, ...more },
        root,
      );
    const ask = { provider: "openai", model_id: "gpt-5.2", tokens: { input: 1_000_000 }, day: "2026-10-01" };
    const priority = async () => (await quoted({ ...ask, service_tier: "priority" }))["contracted_cost"];

    const rows = ["openai,gpt-5.2,priority,3.52,,,28", "openai,gpt-99,priority,1,,,1", "openai,o3,priority,1,,,"];
    const past = await load([tiers, ...rows].join("\n"));
    const corrected = await load([tiers, ...rows].join("\n"), { correction: true });
    const far = await load(`${tiers}\nopenai,gpt-5.2,priority,7,,,28`, { correction: true });
    const again = await load(
      csv("openai,gpt-5.2,1.75,0.175,,,14,0.875,7.01,,,,global,USD,2020-01-01,operator,2026-09-01,verified"),
      { correction: true },
    );

    expect(past.body).toMatchObject({ release: 1, changed: [] });
    expect(past.body["refused"]).toEqual([
      { row: "openai/gpt-5.2 global 2020-01-01", problem: "changes a row of a past day: ask for a correction" },
      { row: "openai/o3 priority", problem: "a tier needs an input and an output rate" },
      { row: "openai/gpt-99 global", problem: "there is no row that the tier could belong to" },
    ]);
    expect(corrected.body).toMatchObject({ release: 2, changed: ["openai/gpt-5.2 global 2020-01-01"] });
    expect(far.body).toMatchObject({ release: 2, proposed: [{ row: "openai/gpt-5.2 global 2020-01-01" }] });
    expect(again.body, JSON.stringify(again.body)).toMatchObject({ release: 3 });
    expect(await priority()).toBe("3.52");
    expect((await quoted({ ...ask, service_tier: "priority", price_book_version: "p1.o0" }))["contracted_cost"]).toBe(
      "3.5",
    );
  });

  it("refuses files that are none, naming line and column", async () => {
    const request = { flow: "payg", reason: "vendor's page", dry_run: false };

    const broken = await call("POST", path, { ...request, csv_content: "a,b\n1\n" }, root);
    const wrong = await call(
      "POST",
      path,
      { ...request, csv_content: csv(row("m", "-1"), row("n", "1", "2026-02-30")) },
      root,
    );

    const paths = ({ body }: Answered) => (body["fields"] as { path: string }[]).map((field) => field.path);
    expect([broken.status, paths(broken)]).toEqual([422, ["/csv_content/2"]]);
    expect([wrong.status, paths(wrong)]).toEqual([
      422,
      ["/csv_content/genai_payg.csv:2/input_per_1m", "/csv_content/genai_payg.csv:3/effective_from"],
    ]);
    expect((await call("GET", path, undefined, root)).body["release"]).toBe(1);
  });

  it("lists usage without a price, nothing where nothing is published", async () => {
    const list = await call("GET", `${genai}/unpriced`);
    const long = await call("GET", `${genai}/unpriced?start_date=2024-01-01&end_date=2026-01-01`);

    expect(list.body).toMatchObject({ unpriced: [], count: 0 });
    expect([long.status, long.body["error"]]).toEqual([400, "RANGE_TOO_LONG"]);
  });
});

describe("a repricing", () => {
  const path = "/genai/test_org/reprice";
  const range = { start_date: "2026-07-01", end_date: "2026-07-31" };

  it("is previewed, read again and applied by one run; the same days without usage change nothing", async () => {
    const preview = await call("POST", `${path}/preview`, range);
    const own = `${path}/${String(preview.body["preview_id"])}`;
    const open = await call("GET", own);
    const applied = await call("POST", `${own}/apply`, {});
    const again = await call("POST", `${own}/apply`, { closed_months: "skip" });
    const read = await call("GET", own);

    expect([preview.status, preview.body["price_book_version"]], JSON.stringify(preview.body)).toEqual([201, "p1.o0"]);
    expect(preview.body).toMatchObject({ difference: "0", rows: [], by_day: [], closed_months: [] });
    expect(open.body).toEqual({ ...preview.body, state: "OPEN", run_id: null, applied_at: null, applied_by: null });
    expect([applied.status, again.status], JSON.stringify(applied.body)).toEqual([202, 202]);
    expect(again.body["run_id"]).toBe(applied.body["run_id"]);
    expect(read.body).toMatchObject({ state: "APPLIED", run_id: applied.body["run_id"] });
    const logs = await call("GET", "/organizations/test_org/audit-logs?action=price.reprice_applied");
    expect((logs.body["logs"] as Body[]).length).toBe(1);
  });

  it.each([
    [{ ...range, end_date: "2027-08-05" }, 400, "RANGE_TOO_LONG"],
    [{ start_date: "2026-08-01", end_date: "2026-07-01" }, 400, "INVALID_DATE_RANGE"],
    [{ ...range, providers: ["nobody"] }, 404, "UNKNOWN_PROVIDER"],
    [{ ...range, price_book_version: "p1.o99" }, 404, "PRICE_BOOK_VERSION_NOT_FOUND"],
    [{ ...range, price_date: "1999-12-31" }, 422, "INVALID_BODY"],
    [{}, 422, "INVALID_BODY"],
  ])("refuses %j with %i %s", async (request, status, code) => {
    const answer = await call("POST", `${path}/preview`, request);

    expect([answer.status, answer.body["error"]]).toEqual([status, code]);
  });
});
