import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshStores, publish, type Stores } from "#shared/costs/publication.fixture.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { httpHandler } from "#shared/runtime/http-handler.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";
import type { Given, PortName } from "#shared/runtime/ports.ts";
import costSummary from "./cost-summary.ts";

const rootKey = "root-key-of-the-cost-tests-0123456789";
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
let stores: Stores;
let server: Server;

beforeAll(async () => {
  stores = await freshStores({ now: "2026-03-05T06:00:00Z" });
  const charge = { provider: "openai", category: "llm", service: "OpenAI API" };
  const charges = ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"].map((day) => ({
    ...charge,
    day,
    billed: "1.25",
  }));
  await publish(stores, { pipelineId: "openai-cost-usage-cost", charges, isJournalled: true });
  const config = await readConfiguration({
    ENVIRONMENT: "test",
    RATE_LIMIT_ENABLED: "false",
    CA_ROOT_API_KEY: rootKey,
  });
  const given = { ...stores, ids: systemIds, log: silent, metrics: noMetrics, config } as unknown as Given<PortName>;
  server = createServer(httpHandler("cost-summary", costSummary, given)).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(async () => {
  server.close();
  await stores.close();
});

interface Answered {
  status: number;
  body: { error?: string; fields?: { path: string; problem: string }[]; [member: string]: unknown };
}

async function get(query: string, key: string | undefined = rootKey, org = "golden_org"): Promise<Answered> {
  const { port } = server.address() as AddressInfo;
  const headers: Record<string, string> = key === "" ? {} : { "x-ca-root-key": key };
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/costs/${org}/summary${query}`, { headers });
  return { status: response.status, body: (await response.json()) as Answered["body"] };
}

describe("GET /api/v1/costs/{org}/summary", () => {
  it("answers the month to date", async () => {
    const { status, body } = await get("");

    expect(status).toBe(200);
    expect(body).toMatchObject({
      org_slug: "golden_org",
      total_cost: "5.00",
      record_count: 4,
      complete: true,
      date_range: { start_date: "2026-03-01", end_date: "2026-03-05", label: "mtd" },
      breakdown_by_provider: [{ provider: "openai", provider_name: "OpenAI", total_cost: "5.00", percentage: 100 }],
    });
  });

  it("answers without conversion by currency, and with no grand total", async () => {
    const { status, body } = await get("?convert=none");

    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({
      currency: null,
      totals_by_currency: [{ currency: "USD", effective_cost: "5.00" }],
      breakdown_by_provider: [{ provider: "openai", by_currency: [{ currency: "USD", total_cost: "5.00" }] }],
    });
    expect(body).not.toHaveProperty("total_cost");
  });

  it("answers zeros for a month before anything was published", async () => {
    const { status, body } = await get("?start_date=2025-01-01&end_date=2025-01-31");

    expect(status).toBe(200);
    expect(body).toMatchObject({ total_cost: "0.00", record_count: 0, date_range: { days: 31 } });
  });

  it("takes lists comma separated, repeated, by their older name and in any case", async () => {
    const asked = [
      "?providers=openai,gcp",
      "?providers=openai&providers=gcp",
      "?provider=OpenAI&categories=GENAI",
      "?charge_categories=usage,TAX&basis=Billed&period=MTD",
      "?providers=&services=",
    ];

    for (const query of asked) expect(await get(query)).toMatchObject({ status: 200, body: { total_cost: "5.00" } });
    expect((await get("?services=openai api")).body).toMatchObject({
      total_cost: "0.00",
      unknown_filters: { services: ["openai api"] },
    });
  });

  it.each([
    ["2026-03-04", "2026-03-04T23:59:59.999Z"],
    ["2026-03-05", "2026-03-05T06:00:00.000Z"],
    ["2026-03-05T06:00:00Z", "2026-03-05T06:00:00.000Z"],
    ["2026-03-05T07:30%2B02:00", "2026-03-05T05:30:00.000Z"],
    ["2026-03-04T23:59:59.999999999Z", "2026-03-04T23:59:59.999Z"],
  ])("understands as_of=%s as %s, by both of its names", async (given, instant) => {
    // All of it was published at 06:00.
    const total = instant === "2026-03-05T06:00:00.000Z" ? "5.00" : "0.00";
    for (const name of ["as_of", "asOf"]) {
      const { status, body } = await get(`?${name}=${given}`);

      expect([status, body["as_of"], body["total_cost"]]).toEqual([200, instant, total]);
    }
  });

  it("answers 404 with the earliest instant where the past is not retained", async () => {
    const { status, body } = await get("?as_of=2025-12-31");

    expect(status).toBe(404);
    expect(body).toMatchObject({ error: "AS_OF_NOT_RETAINED", earliest: "2026-01-01T00:00:00.000Z" });
  });

  it.each([
    ["?provder=openai&top=0&days=1097", ["/provder", "/days", "/top"]],
    ["?start_date=2026-03-01&start_date=2026-03-02", ["/start_date"]],
    ["?categories=clouds", ["/categories/0"]],
    ["?charge_categories=usage,refund", ["/charge_categories/1"]],
    ["?basis=amortised", ["/basis"]],
    ["?convert=all", ["/convert"]],
    ["?convert=none&currency=EUR", ["/currency"]],
    ["?period=fortnight", ["/period"]],
    ["?top=101", ["/top"]],
    ["?top=ten", ["/top"]],
    ["?fiscal_year=1999", ["/fiscal_year"]],
    ["?providers=openai&provider=gcp", ["/provider"]],
    ["?services=%00", ["/services/0"]],
    [`?services=${"x".repeat(257)}`, ["/services/0"]],
    [`?services=${Array.from({ length: 51 }, (_, at) => at).join(",")}`, ["/services"]],
    ["?__proto__=1", ["/__proto__"]],
    ["?as_of=2026-03-06", ["/as_of"]],
    ["?as_of=2026-03-05T06:00:00.001Z", ["/as_of"]],
    ["?as_of=2026-02-29", ["/as_of"]],
    ["?as_of=2026-03-04T12:00:00", ["/as_of"]],
    ["?as_of=2026-03-04%0001", ["/as_of"]],
    ["?as_of=2026-03-04&as_of=2026-03-04", ["/as_of"]],
    ["?as_of=2026-03-04&asOf=2026-03-03", ["/asOf"]],
    ["?as_of=", ["/as_of"]],
  ])("refuses %s naming the parameters", async (query, paths) => {
    const { status, body } = await get(query);

    expect([status, body.error]).toEqual([400, "INVALID_PARAMETER"]);
    expect([...new Set(body.fields?.map(({ path }) => path))].sort()).toEqual([...paths].sort());
  });

  it.each([
    ["?start_date=2026-02-29", "INVALID_DATE"],
    ["?start_date=", "INVALID_DATE"],
    ["?end_date=2026-03-01", "INVALID_DATE_RANGE"],
    ["?start_date=2026-03-02&end_date=2026-03-01", "INVALID_DATE_RANGE"],
    ["?start_date=2026-03-06", "INVALID_DATE_RANGE"],
    ["?period=mtd&days=7", "INVALID_DATE_RANGE"],
    ["?period=custom", "INVALID_DATE_RANGE"],
    ["?start_date=2020-01-01", "RANGE_TOO_LONG"],
  ])("refuses %s as %s", async (query, code) => {
    const { status, body } = await get(query);

    expect([status, body.error]).toEqual([400, code]);
    expect(body.fields?.length).toBeGreaterThan(0);
  });

  it("refuses a missing credential and an organization that does not exist", async () => {
    expect(await get("", "")).toMatchObject({ status: 401 });
    expect(await get("", rootKey, "nobody_here")).toMatchObject({ status: 404, body: { error: "ORG_NOT_FOUND" } });
  });

  it("loads no frame library until a frame is read", async () => {
    const script = `
      const { createRequire } = await import("node:module");
      await import("./functions/costs/cost-summary.ts");
      const loaded = () => Object.keys(createRequire(process.cwd() + "/x.js").cache).some((path) => path.includes("nodejs-polars"));
      const before = loaded();
      await import("nodejs-polars");
      console.log(JSON.stringify([before, loaded()]));`;

    const { stdout } = await promisify(execFile)(process.execPath, [
      "--import",
      "tsx",
      "--input-type=module",
      "-e",
      script,
    ]);

    expect(JSON.parse(stdout)).toEqual([false, true]);
  });
});
