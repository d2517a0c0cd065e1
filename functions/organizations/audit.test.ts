import { beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { sealAudits } from "#shared/audit/seal.ts";
import type { AuditDocument } from "#shared/runtime/audit-row.ts";
import adminAuditLogs from "../admin/admin-audit-logs.ts";
import adminAuditVerify from "../admin/admin-audit-verify.ts";
import adminBootstrap from "../admin/admin-bootstrap.ts";
import adminDevApiKey from "../admin/admin-dev-api-key.ts";
import apiKeyIssue from "./api-key-issue.ts";
import auditLogs from "./audit-logs.ts";
import auditVerify from "./audit-verify.ts";
import organizationOnboard from "./organization-onboard.ts";

const functions = {
  "admin-audit-logs": adminAuditLogs,
  "admin-audit-verify": adminAuditVerify,
  "admin-bootstrap": adminBootstrap,
  "admin-dev-api-key": adminDevApiKey,
  "api-key-issue": apiKeyIssue,
  "audit-logs": auditLogs,
  "audit-verify": auditVerify,
  "organization-onboard": organizationOnboard,
};

let host: Host;
let apiKey: string;
const base = "/api/v1/organizations/acme";

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function call(method: string, path: string, key: string, body?: unknown): Promise<Answer> {
  const credential: Record<string, string> = key === rootKey ? { "x-ca-root-key": key } : { "x-api-key": key };
  const response = await fetch(host.url + path, {
    method,
    headers: { ...credential, "x-request-id": "req-of-the-test", "user-agent": "tests/1" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function rowsOf({ body }: Answer): Record<string, unknown>[] {
  return body["logs"] as Record<string, unknown>[];
}

beforeEach(async () => {
  host = await testHost({ functions, config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/api/v1/admin/bootstrap", rootKey, {});
  const request = { org_slug: "Acme", company_name: "Acme", admin_email: "a@example.com" };
  apiKey = String((await call("POST", "/api/v1/organizations/onboard", rootKey, request)).body["api_key"]);
}, 60_000);

describe("audit rows over HTTP", () => {
  it("name actor, target, request and client of what was done, and who was refused", async () => {
    const issued = await call("POST", `${base}/api-keys`, apiKey, { name: "reader", scopes: ["costs:read"] });
    const reader = String(issued.body["api_key"]);
    await call("POST", `${base}/api-keys`, reader, { name: "more", scopes: ["costs:read"] });
    await call("GET", "/api/v1/admin/dev/api-key/acme", rootKey);

    const rows = rowsOf(await call("GET", `${base}/audit-logs`, apiKey));

    const about = { request_id: "req-of-the-test", user_agent: "tests/1", ip_address: expect.any(String) };
    expect(rows).toMatchObject([
      { ...about, action: "api_key.revealed", actor_kind: "root", operation: "READ" },
      {
        ...about,
        action: "access.denied",
        actor_kind: "key",
        api_key_id: issued.body["key_id"],
        resource_id: "api-key-issue",
        status: "DENIED",
      },
      { ...about, action: "api_key.issued", actor_kind: "key", resource_id: issued.body["key_id"], status: "SUCCESS" },
      { ...about, action: "organization.onboarded", actor_kind: "root", status: "SUCCESS" },
    ]);
    const filtered = await call("GET", `${base}/audit-logs?status=denied&action=create&limit=1`, apiKey);
    expect(rowsOf(filtered).map(({ status }) => status)).toEqual(["DENIED"]);
  });

  it("show the platform's own to the operator alone, and an organization's too", async () => {
    const own = await call("GET", "/api/v1/admin/audit-logs/_platform", rootKey);
    const acmes = await call("GET", "/api/v1/admin/audit-logs/ACME?action=organization.onboarded", rootKey);
    const nobodys = await call("GET", "/api/v1/admin/audit-logs/nobody", rootKey);
    const refused = await call("GET", "/api/v1/admin/audit-logs/_platform", apiKey);

    expect(own.body).toMatchObject({ org_slug: "_platform", logs: [{ action: "platform.bootstrapped" }] });
    expect(acmes.body).toMatchObject({ org_slug: "Acme", total_count: 1 });
    expect([nobodys.status, refused.status]).toEqual([404, 403]);
  });

  it("cannot be altered or removed without audit-verify saying so", async () => {
    const { documents } = host.ports;
    await call("POST", `${base}/api-keys`, apiKey, { name: "reader", scopes: ["costs:read"] });
    const [row] = rowsOf(await call("GET", `${base}/audit-logs`, apiKey));
    const path = `orgs/acme/audit/${row?.["audit_id"]}`;
    const verify = async () => (await call("GET", `${base}/audit-logs/verify`, apiKey)).body;

    const unsealed = await verify();
    await sealAudits({ documents, clock: { now: () => new Date(Date.now() + 300_000) } });
    const intact = await verify();
    await documents.transaction(async (tx) => {
      const { body } = await tx.get<AuditDocument>(path);
      tx.set(path, { ...body, resourceId: "key_other" });
    });
    const altered = await verify();
    await documents.transaction(async (tx) => tx.delete(path));

    const own = await call("GET", "/api/v1/admin/audit-logs/_platform/verify", rootKey);
    const acmes = await call("GET", "/api/v1/admin/audit-logs/acme/verify", rootKey);
    const refused = await call("GET", "/api/v1/admin/audit-logs/_platform/verify", apiKey);

    expect(own.body).toMatchObject({ org_slug: "_platform", seals: 1, rows: 1, unsealed_rows: 0, valid: true });
    expect([acmes.body["valid"], refused.status]).toEqual([false, 403]);
    expect(unsealed).toMatchObject({ seals: 0, rows: 0, unsealed_rows: 2, valid: true });
    expect(intact).toMatchObject({ seals: 1, rows: 2, unsealed_rows: 0, valid: true, first_bad: null });
    expect(altered).toMatchObject({ valid: false, first_bad: 1 });
    expect(await verify()).toMatchObject({ valid: false, first_bad: 1 });
  });
});
