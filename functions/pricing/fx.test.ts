import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Answered,
  apiOf,
  type Body,
  rootKey,
  sharedHost,
  testConfiguration,
  testHost,
} from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

let host: Host;
let org: string;
let key: string;
const { call, onboarded } = apiOf(() => ({ host, key }));
let organizations = 0;

/** Rates of the market are the platform's: cases that load them have a host of their own. */
async function hostOfOneCase(): Promise<void> {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, root);
  await freshOrganization();
}

/** For cases that change nothing of the platform. */
async function hostOfAllCases(): Promise<() => Promise<void>> {
  const opened = await sharedHost({ RATE_LIMIT_ENABLED: "false" });
  host = opened.host;
  await call("POST", "/admin/bootstrap", {}, root);
  return opened.stop;
}

async function freshOrganization(): Promise<void> {
  organizations += 1;
  org = `test_org_${organizations}`;
  key = await onboarded(org);
}

const root = { "x-ca-root-key": rootKey };

function ecbXml(days: Record<string, Record<string, string>>): string {
  const cubes = Object.entries(days).map(([day, rates]) => {
    const own = Object.entries(rates).map(([currency, rate]) => `<Cube currency="${currency}" rate="${rate}"/>`);
    return `<Cube time="${day}">${own.join("")}</Cube>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube>${cubes.join("")}</Cube></gesmes:Envelope>`;
}

const friday = { "2026-07-03": { USD: "1.1402", GBP: "0.8511" } };

function load(content: string, more: Body = {}): Promise<Answered> {
  return call("POST", "/admin/fx/rates", { format: "ecb_xml", content, ...more }, root);
}

const audits = async (action: string): Promise<number> => {
  const { body } = await call("GET", `/organizations/${org}/audit-logs?action=${action}`);
  return (body["logs"] as Body[]).length;
};

describe("rates of the market", () => {
  beforeEach(hostOfOneCase, 60_000);

  it("are loaded once however often and in which order their file comes", async () => {
    const days = {
      ...friday,
      "2026-06-30": { USD: "1.13", GBP: "0.85" },
      "2026-07-02": { USD: "1.138", GBP: "0.852" },
    };
    const shuffled = Object.fromEntries(Object.entries(days).reverse());

    const first = await load(ecbXml(days));
    const again = await load(ecbXml(shuffled));

    expect(first).toEqual({ status: 200, body: { days_added: 3, unchanged: 0, dissent: [] } });
    expect(again).toEqual({ status: 200, body: { days_added: 0, unchanged: 3, dissent: [] } });
    const shown = await call("GET", "/fx/rates?date=2026-07-03&symbols=USD,gbp,VND");
    expect(shown.body).toEqual({
      date: "2026-07-03",
      rate_date: "2026-07-03",
      base: "EUR",
      rates: { USD: "1.1402", GBP: "0.8511", VND: null },
      source: "ecb",
      carried: false,
      stale: false,
    });
  });

  it("come from the history's CSV too, N/A being no rate", async () => {
    const history = "Date,USD,GBP,\r\n2026-07-03,1.1402,0.8511,\r\n2026-07-02,1.1380,N/A,\r\n";

    const first = await load(history, { format: "ecb_csv" });
    const again = await load(history, { format: "ecb_csv" });
    const shown = await call("GET", "/fx/rates?date=2026-07-02&symbols=USD,GBP");

    expect(first).toEqual({ status: 200, body: { days_added: 2, unchanged: 0, dissent: [] } });
    expect(again).toEqual({ status: 200, body: { days_added: 0, unchanged: 2, dissent: [] } });
    expect(shown.body).toMatchObject({ rate_date: "2026-07-02", rates: { USD: "1.138", GBP: null }, carried: false });
  });

  it("keep the first value of a day; another one is dissent until it is forced", async () => {
    await load(ecbXml(friday));

    const differing = await load(ecbXml({ "2026-07-03": { USD: "1.2", GBP: "0.8511" } }));
    const kept = await call("GET", "/fx/rates?date=2026-07-03");
    const forced = await load(ecbXml({ "2026-07-03": { USD: "1.2" } }), { force: true });
    const used = await call("GET", "/fx/rates?date=2026-07-03");

    const dissent = [{ day: "2026-07-03", source: "ecb", currency: "USD", kept: "1.1402", claimed: "1.2" }];
    expect(differing.body).toEqual({ days_added: 0, unchanged: 0, dissent });
    expect((kept.body["rates"] as Body)["USD"]).toBe("1.1402");
    expect(forced.body).toEqual({ days_added: 1, unchanged: 0, dissent });
    expect(used.body["rates"]).toMatchObject({ USD: "1.2", GBP: "0.8511" });
  });

  it("take a file of 5 MiB", async () => {
    const padded = ecbXml(friday) + " ".repeat(5 * 1024 * 1024 - ecbXml(friday).length);

    expect((await load(padded)).status).toBe(200);
  });
});

describe("rates of the market that nobody loaded", () => {
  beforeAll(hostOfAllCases, 60_000);
  beforeEach(freshOrganization);

  it.each<[string, Body]>([
    ["a rate of 0", { content: ecbXml({ ...friday, "2026-07-02": { USD: "0" } }) }],
    ["a DOCTYPE", { content: ecbXml(friday).replace("<gesmes:Env", "<!DOCTYPE x><gesmes:Env") }],
    ["a file that was cut off", { content: ecbXml(friday).slice(0, -20) }],
    ["a day of the future", { content: ecbXml({ ...friday, "2099-01-01": { USD: "1" } }) }],
    ["JSON without a source", { format: "json", content: '{"base":"USD","days":{"2026-07-03":{"VND":1}}}' }],
  ])("are refused whole for %s", async (_, request) => {
    const refused = await load("", request);

    expect([refused.status, refused.body["error"]]).toEqual([422, "INVALID_BODY"]);
    expect((refused.body["fields"] as Body[]).length).toBeGreaterThan(0);
    const shown = await call("GET", "/fx/rates?date=2026-07-03");
    expect(shown.body).toMatchObject({ source: "seed", rate_date: "2025-12-14", stale: true });
  });

  it("are the seed's until any are loaded, and unknown codes are refused", async () => {
    const seed = await call("GET", "/fx/rates?date=2026-07-03&base=usd&symbols=EUR,VND");
    const unknown = await call("GET", "/fx/rates?symbols=USD,XXX");

    expect(seed.body).toMatchObject({ base: "USD", rates: { EUR: "0.92", VND: null }, source: "seed", stale: true });
    expect([unknown.status, unknown.body["error"]]).toEqual([422, "CURRENCY_UNKNOWN"]);
  });
});

describe("conversion of an amount", () => {
  beforeEach(hostOfOneCase, 60_000);

  const at = (): string => `/organizations/${org}/fx/convert`;

  it("shows the dated rate it was made with", async () => {
    await load(ecbXml(friday));

    const { body } = await call("GET", `${at()}?amount=100&from=GBP&to=USD&date=2026-07-04`);

    expect(body).toEqual({
      amount: "100.00",
      converted: "133.9678063682",
      currency: "USD",
      fx: {
        from: "GBP",
        to: "USD",
        rate: "1.339678063682",
        rate_date: "2026-07-03",
        source: "ecb",
        method: "market",
        carried: true,
        stale: false,
      },
    });
  });

  it("needs no rate within one currency, and gives no amount without one", async () => {
    const same = await call("GET", `${at()}?amount=12.5&from=JPY&to=jpy`);
    const none = await call("GET", `${at()}?amount=1&from=VND&to=USD`);

    expect(same.body).toEqual({ amount: "12.5", converted: "12.5", currency: "JPY", fx: null });
    expect([none.status, none.body["error"]]).toEqual([404, "FX_RATE_NOT_FOUND"]);
  });
});

describe("rates of the organization", () => {
  beforeAll(async () => {
    const stop = await hostOfAllCases();
    await load(ecbXml(friday));
    return stop;
  }, 60_000);
  beforeEach(freshOrganization);

  const path = (): string => `/organizations/${org}/fx-rates`;
  const rate = { from_currency: "gbp", to_currency: "USD", rate: 1.3, valid_from: "2026-07-01", reason: "treasury" };
  const convert = async (day: string): Promise<unknown> => {
    const { body } = await call("GET", `/organizations/${org}/fx/convert?amount=1&from=GBP&to=USD&date=${day}`);
    return (body["fx"] as Body)["method"];
  };

  it("go before all others, can be taken back, and never overlap", async () => {
    const set = await call("PUT", path(), { ...rate, valid_to: "2026-07-31" });
    const again = await call("PUT", path(), { ...rate, valid_to: "2026-07-31" });
    const overlapping = await call("PUT", path(), { ...rate, valid_from: "2026-06-01" });
    const after = await call("PUT", path(), { ...rate, rate: "1.31", valid_from: "2026-08-01" });
    const listed = await call("GET", path());
    const used = [await convert("2026-06-30"), await convert("2026-07-31"), await convert("2026-08-01")];

    expect([set.status, again.status, after.status]).toEqual([200, 200, 200]);
    expect(set.body).toMatchObject({ from_currency: "GBP", rate: "1.3", valid_to: "2026-07-31", reason: "treasury" });
    expect([overlapping.status, overlapping.body["error"]]).toEqual([409, "FX_RATE_OVERLAP"]);
    expect(listed.body).toMatchObject({ org_slug: org, count: 2, next_cursor: null });
    expect(used).toEqual(["market", "org", "org"]);
    expect(await audits("fx.org_rate_set")).toBe(2);

    const query = "from_currency=GBP&to_currency=USD&valid_from=2026-07-01";
    const removed = [await call("DELETE", `${path()}?${query}`), await call("DELETE", `${path()}?${query}`)];
    expect(removed.map(({ status }) => status)).toEqual([204, 204]);
    expect([await convert("2026-07-31"), await convert("2026-08-01")]).toEqual(["market", "org"]);
    expect(await audits("fx.org_rate_deleted")).toBe(1);
    expect((await call("PUT", path(), { ...rate, rate: "1.4", valid_to: "2026-07-31" })).status).toBe(200);
  });

  it("stay one where 20 calls set overlapping ones at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => call("PUT", path(), { ...rate, rate: `1.${at + 10}` })),
    );

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(19);
    expect((await call("GET", path())).body["count"]).toBe(1);
  });

  it("are nobody else's", async () => {
    await call("PUT", path(), rate);
    const other = await onboarded("other_org");

    const listed = await call("GET", "/organizations/other_org/fx-rates", undefined, { "x-api-key": other });
    const foreign = await call("GET", path(), undefined, { "x-api-key": other });

    expect(listed.body["count"]).toBe(0);
    expect([foreign.status, foreign.body["error"]]).toEqual([403, "ORG_MISMATCH"]);
  });

  it.each<[Body, string]>([
    [{ rate: 0 }, "/rate"],
    [{ rate: "-1" }, "/rate"],
    [{ rate: "1e3" }, "/rate"],
    [{ rate: "1.0000000000001" }, "/rate"],
    [{ to_currency: "GBP" }, "/to_currency"],
    [{ to_currency: "XXX" }, "/to_currency"],
    [{ valid_from: "1999-12-31" }, "/valid_from"],
    [{ valid_to: "2026-06-30" }, "/valid_to"],
    [{ valid_to: "2099-01-01" }, "/valid_to"],
    [{ reason: "no" }, "/reason"],
  ])("are refused with %j", async (wrong, field) => {
    const { status, body } = await call("PUT", path(), { ...rate, ...wrong });

    expect(status).toBe(422);
    expect((body["fields"] as { path: string }[]).map((each) => each.path)).toContain(field);
    expect((await call("GET", path())).body["count"]).toBe(0);
  });
});
