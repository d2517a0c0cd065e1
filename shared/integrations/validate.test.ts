import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsBelow } from "#scripts/e2e/recorded-documents.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { type Connecting, refusal, startConnecting } from "./connecting.fixture.ts";
import { credentialPath, indexPath } from "./credential.ts";
import { integrationOf, integrationsOf } from "./status.ts";

let at: Connecting;
let count = 0;
beforeAll(async () => {
  at = await startConnecting();
});
afterAll(() => at.world.stop());

async function newOrg(): Promise<OrgIdentity> {
  count += 1;
  return (await at.world.onboarded(`org_${count}`)).org;
}

describe("validation of a stored credential", () => {
  it("moves the status by what the provider says, each time with audit and history", async () => {
    const org = await newOrg();
    const { credential_id } = await at.setUp(org, "sk-admin-sim-account-moving");
    await at.world.sim("PUT", "faults", { provider: "openai", mode: "key-revoked-midway", account: "account-moving" });

    const refused = await at.validate(org);
    const listed = await integrationOf(org, "openai", at.documents);
    await at.world.sim("DELETE", "faults?account=account-moving");
    const back = await at.validate(org);

    expect(refused).toMatchObject({ success: false, status: "INVALID", version: 1 });
    expect(refused.validation_error).toContain("refused");
    expect(listed).toMatchObject({ status: "INVALID", last_error: refused.validation_error });
    expect(back).toMatchObject({ success: true, status: "VALID", validation_error: null, credential_id });
    const audits = pathsBelow(at.documents, "platformAudit/").map((path) => at.documents.stored.get(path));
    expect(audits.filter((row) => row?.["action"] === "integration.validated").map((row) => row?.["details"])).toEqual(
      expect.arrayContaining([
        { from: "VALID", to: "INVALID" },
        { from: "INVALID", to: "VALID" },
      ]),
    );
    expect(historyOf(credential_id).map((row) => [row["version"], row["validation_status"]])).toEqual([
      [1, "VALID"],
      [2, "INVALID"],
      [3, "VALID"],
    ]);
    expect(new Set(historyOf(credential_id).map((row) => row["created_at"])).size).toBe(1);
  });

  it.each(["500", "reset", "429", "html-200"])(
    "moves no status while the provider answers %s, but tells of the trouble",
    async (mode) => {
      const org = await newOrg();
      const account = `account-shaky${mode}`;
      const { credential_id } = await at.setUp(org, `sk-admin-sim-${account}`);
      const before = await at.stored(org, credential_id);
      await at.world.sim("PUT", "faults", { provider: "openai", mode, count: null, account });

      const error = await refusal(at.validate(org));
      const after = await at.stored(org, credential_id);
      await at.world.sim("DELETE", `faults?account=${account}`);
      const recovered = await at.validate(org);

      expect(error).toMatchObject({ code: "PROVIDER_UNAVAILABLE", retryable: true });
      expect(error.retryAfterSeconds).toBeGreaterThan(0);
      expect(after).toEqual({ ...before, lastError: error.message });
      expect(recovered).toMatchObject({ status: "VALID", validation_error: null });
    },
  );

  it("asks for a name where several credentials are none of them default", async () => {
    const org = await newOrg();
    const one = await at.setUp(org, "sk-admin-sim-account-several1", { credential_name: "Café" });
    await at.setUp(org, "sk-admin-sim-account-several2", { credential_name: "two" });

    const ambiguous = await refusal(at.validate(org));
    const unknown = await refusal(at.validate(org, "three"));
    const named = await at.validate(org, " cafe\u0301 ");
    const none = await refusal(at.validate(await newOrg()));

    expect([ambiguous.code, unknown.code, none.code]).toEqual([
      "CREDENTIAL_AMBIGUOUS",
      "INTEGRATION_NOT_FOUND",
      "INTEGRATION_NOT_FOUND",
    ]);
    expect(named.credential_id).toBe(one.credential_id);
  });

  it("refuses a simulated credential where there is no simulator, without a call", async () => {
    const org = await newOrg();
    await at.setUp(org, "sk-admin-sim-account-onlysimulated");
    const calls = await at.calls("account-onlysimulated");
    const { CA_PROVIDER_SIMULATOR_URL: _simulator, ...config } = at.ports.config;
    const real: EnginePorts = { ...at.ports, config };

    const answer = await at.validate(org, undefined, real);

    expect(answer).toMatchObject({ success: false, status: "INVALID" });
    expect(answer.validation_error).toMatch(/^SIMULATED_CREDENTIAL/);
    expect(await at.calls("account-onlysimulated")).toBe(calls);
  });

  it("writes nothing over a credential that was replaced meanwhile", async () => {
    const org = await newOrg();
    const { credential_id } = await at.setUp(org, "sk-admin-sim-account-replaced1");
    let isFirst = true;
    const slow: EnginePorts = {
      ...at.ports,
      documents: {
        ...at.documents,
        transaction: async (body) => {
          if (isFirst) {
            isFirst = false;
            await at.setUp(org, "sk-admin-sim-account-replaced2");
          }
          return at.documents.transaction(body);
        },
      },
    };

    const error = await refusal(at.validate(org, undefined, slow));

    expect(error).toMatchObject({ code: "VERSION_CONFLICT", retryable: true });
    expect(await at.stored(org, credential_id)).toMatchObject({ secretVersion: 2, fingerprint: "sk-admin-...ced2" });
  });
});

describe("the time of a credential", () => {
  it("that is over makes it EXPIRED at the millisecond, whatever is stored and whatever the provider says", async () => {
    const org = await newOrg();
    const expires_at = "2026-08-10T12:30:00.000Z";
    await at.setUp(org, "sk-admin-sim-account-expiring", { expires_at });
    const statusAt = async (instant: string): Promise<string> => {
      at.world.clock.set(instant);
      return (await integrationOf(org, "openai", at.documents)).status;
    };

    const before = await statusAt("2026-08-10T12:29:59.999Z");
    const over = await statusAt(expires_at);
    const validated = await at.validate(org);
    const list = await integrationsOf(org, at.documents);

    expect([before, over]).toEqual(["VALID", "EXPIRED"]);
    expect(validated).toMatchObject({ success: false, status: "EXPIRED" });
    expect(list).toMatchObject({ all_valid: false, providers_configured: ["openai"], providers_used: 1 });
    expect(list.integrations["openai"]).toMatchObject({
      status: "EXPIRED",
      credentials: [{ status: "EXPIRED", expires_at }],
    });
  });

  it("is refused when it lies in the past", async () => {
    const error = await refusal(
      at.setUp(await newOrg(), "sk-admin-sim-account-past", { expires_at: at.world.clock.now().toISOString() }),
    );

    expect(error).toMatchObject({ code: "INVALID_BODY", fields: [{ path: "/expires_at" }] });
  });

  it("ends runs: an expired credential starts none", async () => {
    const org = await newOrg();
    const soon = new Date(at.world.clock.now().getTime() + 1000).toISOString();
    await at.setUp(org, "sk-admin-sim-account-norun", { expires_at: soon });
    at.world.clock.advance(1);

    const error = await refusal(at.world.trigger(org, { start_date: "2026-08-01", end_date: "2026-08-01" }));

    expect(error.code).toBe("INTEGRATION_INVALID");
  });
});

describe("the removal of an integration", () => {
  it("destroys the sealed values, frees the provider, and the same name works again under a new id", async () => {
    const org = await newOrg();
    const first = await at.setUp(org, "sk-admin-sim-account-leaving");

    const deleted = await at.remove(org);
    const gone = await integrationOf(org, "openai", at.documents);
    const again = await at.setUp(org, "sk-admin-sim-account-leaving");

    expect(deleted).toEqual([first.credential_id]);
    expect(gone).toMatchObject({ status: "NOT_CONFIGURED", credentials: [], credential_name: null });
    expect(at.documents.stored.has(credentialPath(org, first.credential_id))).toBe(false);
    expect(again.credential_id).not.toBe(first.credential_id);
    expect(again.version).toBe(1);
    expect(historyOf(first.credential_id).map((row) => [row["operation"], row["version"], row["is_active"]])).toEqual([
      ["CREATE", 1, true],
      ["DELETE", 2, false],
    ]);
  });

  it("takes the named credential only, and says so when there is none", async () => {
    const org = await newOrg();
    const kept = await at.setUp(org, "sk-admin-sim-account-kept", { credential_name: "kept" });
    const other = await at.setUp(org, "sk-admin-sim-account-other", { credential_name: "Other" });

    const unknown = await refusal(at.remove(org, "nobody"));
    const deleted = await at.remove(org, "oTHER");

    expect(unknown.code).toBe("INTEGRATION_NOT_FOUND");
    expect(deleted).toEqual([other.credential_id]);
    expect(Object.keys((await at.index(org)).providers["openai"]?.credentials ?? {})).toEqual([kept.credential_id]);
    expect(await refusal(at.remove(await newOrg()))).toMatchObject({ code: "INTEGRATION_NOT_FOUND" });
  });

  it("keeps a run that still holds the credential from publishing", async () => {
    const org = await newOrg();
    await at.setUp(org, "sk-admin-sim-account-midrun");
    const { run_id } = await at.world.trigger(org, { start_date: "2026-08-01", end_date: "2026-08-02" });
    await at.remove(org);

    await at.world.process(org, run_id);

    expect((await at.world.run(org, run_id)).status).not.toBe("COMPLETED");
    expect(pathsBelow(at.documents, `orgs/${org.key}/ledger/`)).toEqual([]);
    const { body } = await at.documents.get(`orgs/${org.key}/ledger/2026-08`);
    expect(body).toBeUndefined();
    expect((await at.documents.get(indexPath(org))).body).toEqual({ providers: {} });
  });
});

function historyOf(credentialId: string): Record<string, unknown>[] {
  return pathsBelow(at.documents, "outbox/")
    .map((path) => at.documents.stored.get(path)?.["payload"] as HistoryMessage)
    .flatMap((message) => (message.table === "org_integration_credentials" ? message.rows : []))
    .filter((row) => row["credential_id"] === credentialId)
    .sort((one, other) => Number(one["version"]) - Number(other["version"]));
}
