import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsBelow } from "#scripts/e2e/recorded-documents.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type Connecting, refusal, startConnecting } from "./connecting.fixture.ts";
import type { CredentialCheck } from "./credential-refusal.ts";
import { checkRefused } from "./refused-credential.ts";

let at: Connecting;
let count = 0;
beforeAll(async () => {
  at = await startConnecting();
});
afterAll(() => at.world.stop());

const days = { start_date: "2026-08-01", end_date: "2026-08-01" };

/** An organization whose account the provider refuses from now on, a minute after it was connected. */
async function refused(mode = "key-revoked-midway") {
  count += 1;
  const { org } = await at.world.onboarded(`refused_${count}`);
  const account = `account-refused${count}`;
  const { credential_id } = await at.setUp(org, `sk-admin-sim-${account}`);
  at.world.clock.advance(60);
  await at.world.sim("PUT", "faults", { provider: "openai", mode, count: null, account });
  return { org, account, credentialId: credential_id };
}

async function failedRun(org: OrgIdentity): Promise<string | undefined> {
  const { run_id } = await at.world.trigger(org, days);
  await at.world.process(org, run_id, at.ports);
  const { error } = await at.world.run(org, run_id);
  return error?.code;
}

const published = <T>(topic: string, org: OrgIdentity): T[] =>
  pathsBelow(at.documents, "outbox/")
    .map((path) => at.documents.stored.get(path))
    .filter((message) => message?.["topic"] === topic)
    .map((message) => message?.["payload"] as T & { org: string })
    .filter((payload) => payload.org === org.key);

const movesOf = (org: OrgIdentity) =>
  pathsBelow(at.documents, `orgs/${org.key}/audit/`)
    .map((path) => at.documents.stored.get(path))
    .filter((row) => row?.["action"] === "integration.status_changed");

describe("a credential that the provider refuses in the middle of a run", () => {
  it("is asked about once more, becomes INVALID, is told of once, and starts no further run", async () => {
    const { org, credentialId } = await refused();

    const code = await failedRun(org);
    const checks = published<CredentialCheck>("credential-check", org);
    const before = await at.stored(org, credentialId);
    at.world.clock.advance(1);
    for (const check of checks) await checkRefused(check, at.ports);

    const after = await at.stored(org, credentialId);
    expect([code, checks.length]).toEqual(["PROVIDER_UNAUTHORIZED", 1]);
    expect([before.status, after.status]).toEqual(["VALID", "INVALID"]);
    expect(after.lastError).toContain("refused");
    expect(movesOf(org)).toMatchObject([
      { actorKind: "system", resourceId: credentialId, details: { from: "VALID", to: "INVALID" } },
    ]);
    expect(published("events", org)).toEqual([
      {
        ...{ v: 1, kind: "integration.status_changed", org: org.key, provider: "openai", credential_id: credentialId },
        ...{ from: "VALID", to: "INVALID", reason: after.lastError },
      },
    ]);
    expect((await refusal(at.world.trigger(org, { ...days, force_refresh: true }))).code).toBe("INTEGRATION_INVALID");
  });

  it("is asked about by one of ten runs that fail together", async () => {
    const { org, account, credentialId } = await refused();
    await failedRun(org);
    const [check] = published<CredentialCheck>("credential-check", org);
    const calls = await at.calls(account);
    at.world.clock.advance(1);

    const ten = Array.from({ length: 10 }, () => check as CredentialCheck);
    const first = await Promise.allSettled(ten.map((each) => checkRefused(each, at.ports)));
    const once = (await at.calls(account)) - calls;
    await Promise.all(ten.map((each) => checkRefused(each, at.ports)));

    const codes = first.flatMap((each) => (each.status === "rejected" ? [(each.reason as { code: string }).code] : []));
    expect(codes).toEqual(Array(9).fill("CREDENTIAL_CHECK_RUNNING"));
    expect((await at.calls(account)) - calls).toBe(once);
    expect(movesOf(org)).toHaveLength(1);
    expect((await at.stored(org, credentialId)).status).toBe("INVALID");
  });

  it("keeps its status while the provider cannot be asked, and where it takes the credential after all", async () => {
    const { org, account, credentialId } = await refused();
    await failedRun(org);
    const [check] = published<CredentialCheck>("credential-check", org);
    await at.world.sim("DELETE", `faults?account=${account}`);
    await at.world.sim("PUT", "faults", { provider: "openai", mode: "500", count: null, account });
    await checkRefused(check as CredentialCheck, at.ports);
    const shaky = await at.stored(org, credentialId);
    await at.world.sim("DELETE", `faults?account=${account}`);
    await checkRefused(check as CredentialCheck, at.ports);

    expect(shaky).toMatchObject({ status: "VALID", lastError: expect.stringContaining("could not be asked") });
    expect(await at.stored(org, credentialId)).toMatchObject({ status: "VALID", lastError: null });
    expect([movesOf(org), published("events", org)]).toEqual([[], []]);
  });

  it("is nobody's matter any more once its secret was replaced, it is gone, or the organization has ended", async () => {
    const { org, account } = await refused();
    await failedRun(org);
    const [check] = published<CredentialCheck>("credential-check", org);
    await at.world.sim("DELETE", `faults?account=${account}`);
    await at.setUp(org, `sk-admin-sim-${account}b`);
    const calls = await at.calls(account);

    await checkRefused(check as CredentialCheck, at.ports);
    await checkRefused({ ...(check as CredentialCheck), credential_id: `cred_${"0".repeat(20)}` }, at.ports);
    await checkRefused({ ...(check as CredentialCheck), org: "nobody" }, at.ports);

    expect(await at.calls(account)).toBe(calls);
    expect(movesOf(org)).toEqual([]);
  });
});
