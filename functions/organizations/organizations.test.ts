import { beforeEach, describe, expect, it } from "vitest";
import { signInPerson } from "#scripts/e2e/people.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";

type Body = Record<string, unknown>;

interface Answered {
  status: number;
  body: Body;
  headers: Headers;
}

const root = { "x-ca-root-key": rootKey };
let host: Host;
beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  expect((await call("POST", "/admin/bootstrap", {}, root)).status).toBe(200);
});

async function call(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = root,
): Promise<Answered> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, ...text });
  return { status: response.status, body: (await response.json()) as Body, headers: response.headers };
}

async function onboarded(slug: string, fields: object = {}): Promise<Body> {
  const request = { org_slug: slug, company_name: `${slug} Inc.`, admin_email: "Admin@Example.com", ...fields };
  const { status, body } = await call("POST", "/organizations/onboard", request);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

const keyOf = (answer: Body): Record<string, string> => ({ "x-api-key": String(answer["api_key"]) });

describe("the profile", () => {
  it("is changed in part, shown whole, and refused on another version than the one that stands", async () => {
    const key = keyOf(await onboarded("Profiled"));

    const changed = await call(
      "PUT",
      "/organizations/profiled/profile",
      {
        legal_name: " Profiled GmbH ",
        address: { city: "München", country: "de" },
        logo_url: "https://x.example/l.png",
      },
      key,
    );
    const stale = await call("PUT", "/organizations/profiled/profile", { tax_id: "1", version: 1 }, key);
    const shown = await call("GET", "/organizations/PROFILED", undefined, key);

    expect(changed.status).toBe(200);
    expect([stale.status, stale.body["error"]]).toEqual([409, "VERSION_CONFLICT"]);
    expect(shown.body).toEqual(changed.body);
    expect(shown.body).toMatchObject({
      org_slug: "Profiled",
      company_name: "Profiled Inc.",
      admin_email: "Admin@Example.com",
      legal_name: "Profiled GmbH",
      address: { city: "München", country: "DE", line1: null, postal_code: null },
      status: "ACTIVE",
      subscription_plan: "FREE",
      dataset_id: "Profiled_test",
      owner_user_id: null,
    });
  });

  const refusedProfiles: [object, string][] = [
    [{ company_name: " a " }, "/company_name"],
    [{ admin_email: "nobody" }, "/admin_email"],
    [{ admin_email: "two@@example.com" }, "/admin_email"],
    [{ company_name: "evil\u202eeman" }, "/company_name"],
    [{ contact_name: "tab\there" }, "/contact_name"],
    [{ logo_url: "http://x.example/l.png" }, "/logo_url"],
    [{ logo_url: "javascript:alert(1)" }, "/logo_url"],
    [{ contact_phone: "1".repeat(41) }, "/contact_phone"],
    [{ address: { country: "XX" } }, "/address/country"],
    [{ org_slug: "other" }, "/org_slug"],
  ];

  it("is refused with the name of what is wrong", async () => {
    await onboarded("strict_profile");

    for (const [request, path] of refusedProfiles) {
      const { status, body } = await call("PUT", "/organizations/strict_profile/profile", request);

      expect(status, JSON.stringify(request)).toBe(422);
      expect((body["fields"] as { path: string }[]).map((field) => field.path)).toContain(path);
    }
  });

  it("keeps names in Arabic, with emoji and of 200 characters", async () => {
    const names = ["شركة الأمل المحدودة", "Rocket 🚀 & Söhne", "🚀".repeat(100) + "x".repeat(100)];

    for (const [at, name] of names.entries()) {
      const answer = await onboarded(`Named_Org_${at}`, { company_name: name });
      const request = { legal_name: name, contact_name: "e\u0301" };
      const changed = await call("PUT", `/organizations/named_org_${at}/profile`, request, keyOf(answer));

      expect(answer["company_name"]).toBe(name);
      expect(changed.body).toMatchObject({ company_name: name, legal_name: name, contact_name: "é" });
    }
  });

  it("of a slug with _api_ in it is reached with its key", async () => {
    const key = keyOf(await onboarded("Acme_api_x"));

    expect((await call("GET", "/organizations/acme_API_x", undefined, key)).body["org_slug"]).toBe("Acme_api_x");
  });
});

describe("the locale", () => {
  it("is changed in part, with the facts of currency and language beside", async () => {
    const key = keyOf(await onboarded("Localed", { default_currency: "EUR" }));

    const before = await call("GET", "/organizations/localed/locale", undefined, key);
    const after = await call(
      "PUT",
      "/organizations/localed/locale",
      { default_currency: "kwd", default_language: "AR" },
      key,
    );

    expect(before.body).toMatchObject({
      default_currency: "EUR",
      default_country: "DE",
      fiscal_year_start_month: 1,
      date_format: "YYYY-MM-DD",
      currency_symbol: "€",
      currency_decimals: 2,
      rtl: false,
    });
    expect(after.body).toMatchObject({
      default_currency: "KWD",
      default_country: "DE",
      currency_name: "Kuwaiti Dinar",
      currency_decimals: 3,
      rtl: true,
      version: Number(before.body["version"]) + 1,
    });
  });

  const refusedLocales: [object, string][] = [
    [{ default_currency: "XAU" }, "/default_currency"],
    [{ default_country: "EU" }, "/default_country"],
    [{ default_language: "tlh" }, "/default_language"],
    [{ default_timezone: "+02:00" }, "/default_timezone"],
    [{ default_timezone: "Mars/Olympus" }, "/default_timezone"],
    [{ fiscal_year_start_month: 13 }, "/fiscal_year_start_month"],
    [{ date_format: "YY" }, "/date_format"],
  ];

  it("is refused with the name of what is wrong", async () => {
    await onboarded("strict_locale");

    for (const [request, path] of refusedLocales) {
      const { status, body } = await call("PUT", "/organizations/strict_locale/locale", request);

      expect(status, JSON.stringify(request)).toBe(422);
      expect((body["fields"] as { path: string }[]).map((field) => field.path)).toEqual([path]);
    }
  });

  it("has its lists for every credential, with names, symbols and defaults", async () => {
    const key = keyOf(await onboarded("Lists_Org"));

    const ports = { ...host.ports, clock: systemClock, ids: systemIds };
    const { cookie } = (await signInPerson("lists@example.com", ports)).headers;

    const { status, body } = await call("GET", "/locales", undefined, key);
    const others = await Promise.all([root, { cookie }, {}].map((each) => call("GET", "/locales", undefined, each)));

    expect(status).toBe(200);
    expect(others.map((answer) => answer.status)).toEqual([200, 200, 401]);
    const lists = body as Record<string, Body[]>;
    expect(lists["currencies"]).toHaveLength(36);
    expect(lists["currencies"]).toContainEqual({
      code: "JPY",
      name: "Japanese Yen",
      symbol: "¥",
      decimals: 0,
      default_country: "JP",
    });
    expect(lists["languages"]?.filter((language) => language["rtl"]).map(({ code }) => code)).toEqual(["ar"]);
    expect(lists["countries"]).toHaveLength(249);
    expect(lists["countries"]).toContainEqual({
      code: "AU",
      name: "Australia",
      fiscal_year_start_month: 7,
      date_format: "YYYY-MM-DD",
    });
    expect(body["featured_timezones"]).toHaveLength(16);
    expect(body["timezones"]).toEqual(expect.arrayContaining(body["featured_timezones"] as string[]));
    expect(body["fiscal_year"]).toEqual({
      default_start_month: 1,
      start_month_by_country: { GB: 4, IN: 4, JP: 4, CA: 4, HK: 4, NZ: 4, AU: 7, EG: 7 },
    });
    expect(body["defaults"]).toMatchObject({
      default_currency: "USD",
      default_country: "US",
      date_format: "MM/DD/YYYY",
    });
    expect((await call("GET", "/locales", undefined, {})).status).toBe(401);
  });
});

describe("the list of organizations", () => {
  it("is by slug, in pages by number and by cursor, and by plan in force and state", async () => {
    for (const slug of ["Delta", "alpha1", "Bravo"])
      await onboarded(slug, slug === "Bravo" ? { subscription_plan: "pro" } : {});
    const slugs = ({ body }: Answered) => (body["organizations"] as Body[]).map((one) => one["org_slug"]);

    const all = await call("GET", "/organizations");
    const first = await call("GET", "/organizations?page_size=2");
    const second = await call("GET", `/organizations?page_size=2&cursor=${first.body["next_cursor"]}`);
    const byNumber = await call("GET", "/organizations?page_size=2&page=2");
    const professional = await call("GET", "/organizations?plan=pro&status=active");
    const none = await call("GET", "/organizations?status=DELETED");

    expect(slugs(all)).toEqual(["Bravo", "Delta", "alpha1"]);
    expect(all.body).toMatchObject({ total: 3, page: 1, page_size: 50, has_next: false, next_cursor: null });
    expect([slugs(first), first.body["has_next"]]).toEqual([["Bravo", "Delta"], true]);
    expect([slugs(second), slugs(byNumber)]).toEqual([["alpha1"], ["alpha1"]]);
    expect((professional.body["organizations"] as Body[])[0]).toMatchObject({
      org_slug: "Bravo",
      subscription_plan: "PROFESSIONAL",
      subscription_status: "TRIAL",
      status: "ACTIVE",
    });
    expect([slugs(none), none.body["total"]]).toEqual([[], 0]);
    expect((await call("GET", "/organizations?plan=gold")).status).toBe(400);
    expect((await call("GET", "/organizations?cursor=%2F%2F")).status).toBe(400);
  });
});

describe("the subscription", () => {
  it("is read by the organization and changed by the operator only", async () => {
    const key = keyOf(await onboarded("Planned"));

    const changed = await call("PUT", "/organizations/planned/subscription", {
      plan_name: "PRO",
      daily_limit: 1000,
      monthly_limit: 25_000,
    });
    const shown = await call("GET", "/organizations/planned/subscription", undefined, key);
    const quota = await call("GET", "/organizations/planned/quota", undefined, key);
    const own = await call("PUT", "/organizations/planned/subscription", { plan_name: "ENTERPRISE" }, key);

    expect(changed.body).toMatchObject({ updated: true, plan_name: "PROFESSIONAL" });
    expect(shown.body).toMatchObject({
      daily_limit: 1000,
      monthly_limit: 25_000,
      concurrent_limit: 5,
      billing_status: null,
    });
    expect(quota.body).toMatchObject({
      plan_name: "PROFESSIONAL",
      daily_limit: 1000,
      monthlyLimit: 25_000,
      seat_limit: 10,
    });
    expect(own.status).toBe(403);
  });

  it("is readable for ever by who has to find the way out, when nothing else is", async () => {
    const key = keyOf(await onboarded("Stopped_Org"));
    await call("PUT", "/organizations/stopped_org/subscription", { subscription_end_date: "2020-01-31" });

    const subscription = await call("GET", "/organizations/stopped_org/subscription", undefined, key);
    const profile = await call("GET", "/organizations/stopped_org", undefined, key);

    expect([subscription.status, profile.status, profile.body["error"]]).toEqual([200, 403, "SUBSCRIPTION_INACTIVE"]);
    expect(subscription.body).toMatchObject({ status: "EXPIRED", read_only_until: "2020-03-02T00:00:00.000Z" });
    expect(profile.body["message"]).toContain("choose a plan under billing");
  });

  it("of an organization that does not exist is 404", async () => {
    expect((await call("PUT", "/organizations/nobody_here/subscription", { plan_name: "PRO" })).status).toBe(404);
  });
});

describe("deleting", () => {
  it("is the operator's or the owner's; afterwards no key opens anything, and the same name comes back with a new key", async () => {
    const first = await onboarded("Gone_Org");
    const key = keyOf(first);
    const path = "/organizations/gone_org";

    const byKey = await call("DELETE", path, { confirm_org_slug: "Gone_Org" }, key);
    const deleted = await call("DELETE", path, { confirm_org_slug: "Gone_Org", delete_dataset: false });
    const again = await call("DELETE", path, { confirm_org_slug: "Gone_Org" });
    const shown = await call("GET", path);
    const listed = await call("GET", "/organizations?status=deleted");
    const second = await onboarded("gone_org");

    expect([byKey.status, deleted.status, again.status, shown.status]).toEqual([403, 200, 404, 404]);
    expect(deleted.body).toMatchObject({ org_slug: "Gone_Org", status: "DELETED", dataset_deleted: false });
    expect(listed.body["total"]).toBe(1);
    expect(second).toMatchObject({ org_slug: "Gone_Org", org_id: first["org_id"] });
    expect((await call("GET", path, undefined, key)).status).toBe(401);
    expect((await call("GET", path, undefined, keyOf(second))).status).toBe(200);
  });

  it("of a deleted organization's dataset is the operator's, with the same answer for the same Idempotency-Key", async () => {
    await onboarded("Data_Org");
    const confirm = { confirm_org_slug: "Data_Org" };
    await call("DELETE", "/organizations/Data_Org", confirm);
    const headers = { ...root, "idempotency-key": "drop-it" };

    const dropped = await call("DELETE", "/organizations/Data_Org", { ...confirm, delete_dataset: true }, headers);
    const replayed = await call("DELETE", "/organizations/Data_Org", { ...confirm, delete_dataset: true }, headers);
    const counted = await call("GET", "/admin/organizations/data_org");

    expect([dropped.status, dropped.body["dataset_deleted"]]).toEqual([200, true]);
    expect(replayed.body).toEqual(dropped.body);
    expect(replayed.headers.get("idempotency-replayed")).toBe("true");
    expect(counted.body).toEqual({
      org_slug: "Data_Org",
      datasets_created: 0,
      api_keys_count: 0,
      total_pipeline_runs: 0,
    });
  });
});
