import { beforeEach, describe, expect, it } from "vitest";
import adminApiKeyRegenerate from "#functions/admin/admin-api-key-regenerate.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import adminApiKeyCreate from "../admin/admin-api-key-create.ts";
import adminApiKeyDelete from "../admin/admin-api-key-delete.ts";
import adminAuditLogs from "../admin/admin-audit-logs.ts";
import adminBootstrap from "../admin/admin-bootstrap.ts";
import adminDevApiKey from "../admin/admin-dev-api-key.ts";
import integrationsList from "../integrations/integrations-list.ts";
import apiKeyInfo from "./api-key-info.ts";
import apiKeyIssue from "./api-key-issue.ts";
import apiKeyList from "./api-key-list.ts";
import apiKeyRevoke from "./api-key-revoke.ts";
import apiKeyRotate from "./api-key-rotate.ts";
import apiKeyRotatePrimary from "./api-key-rotate-primary.ts";
import auditLogs from "./audit-logs.ts";
import organizationOnboard from "./organization-onboard.ts";
import quota from "./quota.ts";

const functions = {
  "admin-api-key-create": adminApiKeyCreate,
  "admin-api-key-delete": adminApiKeyDelete,
  "admin-audit-logs": adminAuditLogs,
  "admin-bootstrap": adminBootstrap,
  "admin-dev-api-key": adminDevApiKey,
  "integrations-list": integrationsList,
  "api-key-info": apiKeyInfo,
  "api-key-issue": apiKeyIssue,
  "api-key-list": apiKeyList,
  "api-key-revoke": apiKeyRevoke,
  "api-key-rotate": apiKeyRotate,
  "api-key-rotate-primary": apiKeyRotatePrimary,
  "admin-api-key-regenerate": adminApiKeyRegenerate,
  "audit-logs": auditLogs,
  "organization-onboard": organizationOnboard,
  quota,
};

interface Answer {
  status: number;
  body: Record<string, unknown>;
  text: string;
}

let host: Host;
let primary: string;
const base = "/api/v1/organizations/acme";

async function call(method: string, path: string, apiKey: string, body?: unknown): Promise<Answer> {
  const credential: Record<string, string> = apiKey === rootKey ? { "x-ca-root-key": apiKey } : { "x-api-key": apiKey };
  const response = await fetch(host.url + path, {
    method,
    headers: credential,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) as Record<string, unknown>, text };
}

async function issued(scopes: string[], by = primary, more: Record<string, unknown> = {}): Promise<Answer> {
  return call("POST", `${base}/api-keys`, by, { name: "of a test", scopes, ...more });
}

beforeEach(async () => {
  host = await testHost({ functions, config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/api/v1/admin/bootstrap", rootKey, {});
  const request = { org_slug: "Acme", company_name: "Acme", admin_email: "a@example.com", subscription_plan: "SCALE" };
  primary = String((await call("POST", "/api/v1/organizations/onboard", rootKey, request)).body["api_key"]);
}, 60_000);

describe("issuing keys", () => {
  it("tells the key once, makes it work at once and leaves one audit row and a mail to the owner", async () => {
    const { status, body } = await issued(["costs:read", "credentials:read"]);

    expect(status, JSON.stringify(body)).toBe(201);
    expect(body).toMatchObject({ name: "of a test", scopes: ["costs:read", "integrations:read"] });
    const list = await call("GET", `${base}/api-keys`, primary);
    expect(list.text).not.toContain(String(body["api_key"]));
    expect(list.text).not.toContain(String(body["org_api_key_hash"]));
    expect(list.body["api_keys"]).toMatchObject([
      { key_id: body["key_id"], status: "ACTIVE", is_primary: false, last_used_at: null },
      { status: "ACTIVE", is_primary: true, scopes: ["*"] },
    ]);
    expect((await call("GET", "/api/v1/integrations/acme", String(body["api_key"]))).status).toBe(200);
    const logs = await call("GET", `${base}/audit-logs?action=api_key.issued`, primary);
    expect(logs.body["logs"]).toMatchObject([{ resource_id: body["key_id"], status: "SUCCESS" }]);
    expect(logs.text).not.toContain(String(body["api_key"]));
  });

  it("gives nobody more scopes than they have", async () => {
    const narrow = String((await issued(["keys:write", "costs:read"])).body["api_key"]);

    const same = await issued(["costs:read"], narrow);
    const more = await issued(["costs:read", "costs:write"], narrow);
    const all = await issued(["*"], narrow);
    const peoples = await issued(["billing:write"]);
    const unknown = await issued(["costs:everything", "__proto__"]);
    const without = await issued(["costs:read"], String(same.body["api_key"]));

    expect([same.status, more.status, all.status, without.status]).toEqual([201, 403, 403, 403]);
    expect([more.body["error"], all.body["error"], without.body["error"]]).toEqual([
      "SCOPE_EXCEEDED",
      "SCOPE_EXCEEDED",
      "FORBIDDEN",
    ]);
    expect([peoples.status, unknown.status]).toEqual([422, 422]);
    expect(unknown.body["fields"]).toMatchObject([{ path: "/scopes/0" }, { path: "/scopes/1" }]);
  });

  it("takes no more than 25 live keys at once, however many ask", async () => {
    const keys = await Promise.all(
      Array.from({ length: 30 }, () => call("POST", "/api/v1/admin/api-keys", rootKey, { org_slug: "ACME" })),
    );

    expect(keys.filter(({ status }) => status === 201)).toHaveLength(24);
    const refused = keys.filter(({ status }) => status !== 201);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body["error"]}`))).toEqual(
      new Set(["403 PLAN_LIMIT_REACHED"]),
    );
    expect((await call("GET", `${base}/api-keys`, primary)).body["total"]).toBe(25);
  });
});

describe("rotating keys", () => {
  it("keeps both at work during the overlap, and rotates one key once", async () => {
    const { body: key } = await issued(["keys:write", "quota:read"]);
    const old = String(key["api_key"]);

    const rotated = await call("POST", `${base}/api-keys/${key["key_id"]}/rotate`, old);
    const again = await call("POST", `${base}/api-keys/${key["key_id"]}/rotate`, old);

    expect(rotated.status, rotated.text).toBe(200);
    expect(rotated.body["previous_key_id"]).toBe(key["key_id"]);
    expect([again.status, again.body["error"]]).toEqual([409, "KEY_ALREADY_ROTATED"]);
    for (const each of [old, String(rotated.body["api_key"])])
      expect((await call("GET", `${base}/quota`, each)).status).toBe(200);
  });

  it("hands nobody a key that may do more than they", async () => {
    const narrow = String((await issued(["keys:write"])).body["api_key"]);
    const wide = await issued(["*"]);

    const stolen = await call("POST", `${base}/api-keys/${wide.body["key_id"]}/rotate`, narrow);
    const stolenPrimary = await call("POST", `${base}/api-key/rotate`, narrow);

    expect([stolen.status, stolen.body["error"]]).toEqual([403, "SCOPE_EXCEEDED"]);
    expect([stolenPrimary.status, stolenPrimary.body["error"]]).toEqual([403, "SCOPE_EXCEEDED"]);
  });

  it("of the primary key ends the former one at once, under the operator's address too", async () => {
    const first = await call("POST", `${base}/api-key/rotate`, primary);
    const renewed = String(first.body["api_key"]);
    const operators = "/api/v1/admin/organizations/acme/regenerate-api-key";
    const denied = await call("POST", operators, renewed, { overlap_hours: 1 });
    const second = await call("POST", operators, rootKey, { overlap_hours: 1 });
    const nobody = await call("POST", operators.replace("acme", "nobody"), rootKey, {});

    expect(first.body).toMatchObject({ previous_key_revoked: true, org_slug: "Acme" });
    expect([denied.status, nobody.status, nobody.body["error"]]).toEqual([403, 404, "ORG_NOT_FOUND"]);
    expect(second.body).toMatchObject({ previous_key_revoked: false });
    const logs = await call("GET", `${base}/audit-logs?action=api_key.rotated`, String(second.body["api_key"]));
    expect(logs.body["logs"]).toHaveLength(2);
    const info = await call("GET", `${base}/api-key`, String(second.body["api_key"]));
    expect(info.body).toMatchObject({ api_key_fingerprint: second.body["api_key_fingerprint"], scopes: ["*"] });
    const revealed = await call("GET", "/api/v1/admin/dev/api-key/acme", rootKey);
    expect(revealed.body["api_key"]).toBe(second.body["api_key"]);
    // This function has seen the first key alive: it may believe in it for 10 s, a function that has not may not.
    expect((await call("GET", `${base}/api-keys`, primary)).status).toBe(401);
  });
});

describe("revoking keys", () => {
  it("is the same answer again, with one audit row, by the key itself too", async () => {
    const { body: key } = await issued(["keys:write"]);

    const first = await call("DELETE", `${base}/api-keys/${key["key_id"]}`, String(key["api_key"]));
    const again = await call("DELETE", `${base}/api-keys/${key["key_id"]}`, primary);

    expect(first.body).toMatchObject({ key_id: key["key_id"], status: "REVOKED" });
    expect(again.body).toEqual(first.body);
    const logs = await call("GET", `${base}/audit-logs?action=api_key.revoked`, primary);
    expect(logs.body["total_count"]).toBe(1);
  });

  it("finds no key of another organization, and none that is not one", async () => {
    const request = { org_slug: "other", company_name: "Other", admin_email: "o@example.com" };
    const other = (await call("POST", "/api/v1/organizations/onboard", rootKey, request)).body;

    const answers = await Promise.all(
      [String(other["api_key_id"]), "key_01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "key_.."].map((id) =>
        call("DELETE", `${base}/api-keys/${id}`, primary),
      ),
    );

    expect(answers.map(({ status, body }) => `${status} ${body["error"]}`)).toEqual(
      Array.from({ length: 4 }, () => "404 KEY_NOT_FOUND"),
    );
    expect((await call("GET", "/api/v1/organizations/other/api-key", String(other["api_key"]))).status).toBe(200);
  });

  it("by its hash is the operator's, for older clients", async () => {
    const made = await call("POST", "/api/v1/admin/api-keys", rootKey, { org_slug: "acme", description: "older" });

    const revoked = await call("DELETE", `/api/v1/admin/api-keys/${made.body["org_api_key_hash"]}`, rootKey);
    const unknown = await call("DELETE", `/api/v1/admin/api-keys/${"0".repeat(64)}`, rootKey);

    expect(revoked.body).toMatchObject({ status: "REVOKED", key_id: made.body["key_id"] });
    expect(unknown.status).toBe(404);
    expect((await call("GET", `${base}/quota`, String(made.body["api_key"]))).status).toBe(401);
  });
});
