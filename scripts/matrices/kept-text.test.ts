import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RawAnswer, send } from "./raw-http.fixture.ts";
import { rootKey, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";

let world: TwoOrganizations;

beforeAll(async () => {
  world = await startTwoOrganizations();
}, 120_000);

afterAll(() => world.stop());

const texts: [what: string, text: string][] = [
  ["emoji", "Rakete 🚀 und Familie 👩‍👩‍👧‍👦"],
  ["Arabic", "شركة الحساب السحابي"],
  ["Hebrew beside Latin", "חברת Cloud בע״מ"],
  ["Chinese", "云成本图集有限公司"],
  ["combining marks", "ก็ผู้ใหญ่ n̈ḧ"],
  ["quotes and markup", `O'Brien & "Söhne" <b>GmbH</b> \\ / {x}`],
  ["a formula", "=HYPERLINK(1+1)"],
  ["200 letters", "ä".repeat(200)],
  ["200 emoji", "🚀".repeat(200)],
];

function post(path: string, headers: Record<string, string>, body: unknown): Promise<RawAnswer> {
  return send(world.url, { method: "POST", path, headers, body: JSON.stringify(body) });
}

describe("texts as people write them", () => {
  it.each(texts)("come back exactly as sent in the name of an organization: %s", async (what, company_name) => {
    const org_slug = `kept_${texts.findIndex(([each]) => each === what)}`;
    const request = { org_slug, company_name, admin_email: "a@example.com" };
    const headers = { "x-ca-root-key": rootKey };

    const checked = await post("/api/v1/organizations/dryrun", headers, request);
    const onboarded = await post("/api/v1/organizations/onboard", headers, request);

    expect([checked.status, checked.body["status"], checked.body["company_name"]]).toEqual([
      200,
      "PASSED",
      company_name,
    ]);
    expect([onboarded.status, onboarded.body["company_name"]], onboarded.text).toEqual([200, company_name]);
    expect(JSON.parse(world.mirror.stored.get(`orgs/${org_slug}`) ?? "{}")).toMatchObject({
      companyName: company_name,
    });
  });

  it.each(texts.filter(([, text]) => text.length <= 100))(
    "come back exactly as sent in the name of an API key: %s",
    async (_what, name) => {
      const { slug, apiKey } = world.alpha;
      const headers = { "x-api-key": apiKey };
      const path = `/api/v1/organizations/${slug}/api-keys`;

      const issued = await post(path, headers, { name, scopes: ["costs:read"] });
      const list = await send(world.url, { method: "GET", path, headers });

      expect([issued.status, issued.body["name"]], issued.text).toEqual([201, name]);
      expect((list.body["api_keys"] as { name: string }[])[0]?.name).toBe(name);
    },
  );

  it.each(texts)("come back exactly as sent in the name of a credential: %s", async (what, credential_name) => {
    const { slug, apiKey } = world.alpha;
    const headers = { "x-api-key": apiKey };
    const account = `kept${texts.findIndex(([each]) => each === what)}`;
    const request = { api_key: `sk-admin-sim-${account}-0123`, credential_name, metadata: { notes: credential_name } };

    const connected = await post(`/api/v1/integrations/${slug}/openai/setup`, headers, request);
    const read = await send(world.url, { method: "GET", path: `/api/v1/integrations/${slug}/openai`, headers });

    expect([connected.status, connected.body["credential_name"]], connected.text).toEqual([200, credential_name]);
    const credentials = read.body["credentials"] as { credential_name: string }[];
    expect(credentials.map((each) => each.credential_name)).toContain(credential_name);
    expect(read.text).toContain(JSON.stringify(credential_name).slice(1, -1));
  });
});
