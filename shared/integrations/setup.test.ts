import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsBelow } from "#scripts/e2e/recorded-documents.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { keyRingKeys } from "#shared/platform/keys/key-ring-keys.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { type Connecting, refusal, startConnecting } from "./connecting.fixture.ts";
import { type CredentialDocument, credentialPath, type IntegrationsIndex, indexPath } from "./credential.ts";
import { SetupRequest } from "./setup.ts";

let at: Connecting;
let acme: OrgIdentity;
let count = 0;
beforeAll(async () => {
  at = await startConnecting();
  acme = await newOrg();
});
afterAll(() => at.world.stop());

async function newOrg(plan = "SCALE"): Promise<OrgIdentity> {
  count += 1;
  return (await at.world.onboarded(`Org_${count}`, plan)).org;
}

function rowsOf(table: string): Record<string, unknown>[] {
  return pathsBelow(at.documents, "outbox/")
    .map((path) => at.documents.stored.get(path)?.["payload"] as HistoryMessage)
    .flatMap((message) => (message.table === table ? message.rows : []));
}

describe("setup of an integration", () => {
  it("stores what the provider accepted, sealed, with its audit and history row", async () => {
    const answer = await at.setUp(acme, "  sk-admin-sim-account-first  ", { metadata: { notes: "main" } });

    const stored = await at.stored(acme, answer.credential_id);
    expect(answer).toMatchObject({
      success: true,
      status: "VALID",
      credential_name: "default",
      version: 1,
      fingerprint: "sk-admin-...irst",
    });
    expect(stored).toMatchObject({
      status: "VALID",
      provider: "openai",
      metadata: { notes: "main" },
      environment: "prod",
      simulated: true,
      lastError: null,
    });
    expect(await at.index(acme)).toMatchObject({
      providers: {
        openai: { credentials: { [answer.credential_id]: { name: "default", accountId: answer.account_id } } },
      },
    });
    expect(rowsOf("org_integration_credentials")).toMatchObject([
      {
        credential_id: answer.credential_id,
        operation: "CREATE",
        version: 1,
        encrypted_credential: null,
        is_active: true,
      },
    ]);
    expect(rowsOf("org_audit_logs")).toMatchObject([
      { action: "integration.created", resource_id: answer.credential_id },
    ]);
  });

  it.each([
    "",
    "   ",
    "sk-short",
    "sk-your-api-key...",
    "pk-admin-sim-other-form",
    `sk-${"a".repeat(600)}`,
    "sk-admin-sim-x\u0000yyyyyyyyyyy",
  ])("refuses the form of %j without a call to the provider", async (credential) => {
    const commits = at.documents.commits();

    const error = await refusal(at.setUp(acme, credential));

    expect(error.code).toBe("CREDENTIAL_MALFORMED");
    expect(error.message).not.toContain(credential.trim() || "never");
    expect(at.documents.commits()).toBe(commits);
  });

  it("refuses more than 64 KiB and a body with two unequal credentials", async () => {
    const large = await refusal(at.setUp(acme, `sk-${"a".repeat(65_536)}`));
    const two = await refusal(
      validBody(SetupRequest, { api_key: "sk-admin-sim-account-one", token: "sk-admin-sim-account-two" }),
    );
    const seed = await validBody(SetupRequest, { api_key: "sk-admin-sim-account-one" });

    expect(large.code).toBe("CREDENTIAL_TOO_LARGE");
    expect(two).toMatchObject({
      code: "INVALID_BODY",
      fields: [{ path: "/token", problem: "contradicts credential" }],
    });
    expect(seed).toEqual({ credential: "sk-admin-sim-account-one" });
  });

  it("stores nothing of what the provider refused", async () => {
    const org = await newOrg();
    const commits = at.documents.commits();

    const error = await refusal(at.setUp(org, "sk-admin-sim-account-gone-revoked"));

    expect(error).toMatchObject({ code: "CREDENTIAL_REJECTED", fields: [{ path: "/credential" }] });
    expect(error.message).not.toContain("sk-admin-sim-account-gone-revoked");
    expect(at.documents.commits()).toBe(commits);
  });

  it.each([
    ["a-forbidden", "billed_cost"],
    ["a-inference", "usage"],
  ])("takes the key of account %s as PARTIAL_VALID and names what is denied", async (account, denied) => {
    const org = await newOrg();

    const answer = await at.setUp(org, `sk-admin-sim-${account}`);

    expect(answer).toMatchObject({ success: true, status: "PARTIAL_VALID" });
    expect(answer.capabilities[denied]?.status).toBe("denied");
    expect(await at.stored(org, answer.credential_id)).toMatchObject({ status: "PARTIAL_VALID" });
  });

  it.each(["500", "503", "reset", "html-200", "429"])("stores nothing while the provider answers %s", async (mode) => {
    const org = await newOrg();
    const account = `account-trouble${mode}`;
    const args = mode === "429" ? { retry_after: 7 } : {};
    await at.world.sim("PUT", "faults", { provider: "openai", mode, count: null, account, args });
    const commits = at.documents.commits();

    const error = await refusal(at.setUp(org, `sk-admin-sim-${account}`));
    await at.world.sim("DELETE", `faults?account=${account}`);
    const later = await at.setUp(org, `sk-admin-sim-${account}`);

    expect(error).toMatchObject({ code: "PROVIDER_UNAVAILABLE", retryable: true });
    expect(error.retryAfterSeconds).toBeGreaterThan(0);
    expect(at.documents.commits()).toBe(commits + 1);
    expect(later.status).toBe("VALID");
  });

  it("stores nothing while the keys cannot be reached", async () => {
    const org = await newOrg();
    const down: EnginePorts = {
      ...at.ports,
      keys: {
        ...at.ports.keys,
        open: () => Promise.reject(new AppError("KEYS_UNAVAILABLE", "down", { retryable: true })),
      },
    };
    const withoutRing: EnginePorts = {
      ...at.ports,
      keys: keyRingKeys({ file: join(at.ports.config.CA_DATA_DIR, "no-ring.json") }),
    };
    const commits = at.documents.commits();

    const errors = [
      await refusal(at.setUp(org, "sk-admin-sim-account-keyless", {}, down)),
      await refusal(at.setUp(org, "sk-admin-sim-account-keyless", {}, withoutRing)),
    ];

    expect(errors.map(({ code, retryable }) => [code, retryable])).toEqual(Array(2).fill(["KEYS_UNAVAILABLE", true]));
    expect(at.documents.commits()).toBe(commits);
  });

  it("leaves no secret in any document but sealed, neither plain nor encoded, nor in a message or a log line", async () => {
    const org = await newOrg();
    const secret = "sk-admin-sim-account-canary0123456789-forbidden";
    const lines: unknown[] = [];
    const log = {
      info: (...line: unknown[]) => void lines.push(line),
      warn: (...line: unknown[]) => void lines.push(line),
      error: (...line: unknown[]) => void lines.push(line),
      debug: (...line: unknown[]) => void lines.push(line),
    };
    const by: EnginePorts = { ...at.ports, log, topics: inProcessTopics({}) };

    const answer = await at.setUp(org, secret, { metadata: { notes: "canary" } }, by);
    const again = await at.validate(org, undefined, by);

    const everything = JSON.stringify([[...at.documents.stored], lines, answer, again]);
    const bytes = Buffer.from(secret);
    const forms = [
      secret,
      bytes.toString("base64"),
      bytes.toString("hex"),
      encodeURIComponent(secret),
      bytes.toString("base64url"),
    ];
    // The middle of a base64 text stands whatever the secret is embedded in.
    forms.push(
      ...[0, 1, 2].map((shift) =>
        Buffer.concat([Buffer.alloc(shift), bytes])
          .toString("base64")
          .slice(4, -4),
      ),
    );
    expect(forms.filter((form) => everything.includes(form))).toEqual([]);
    expect(everything).toContain("sk-admin-...dden");
  });
});

describe("the names of credentials", () => {
  it("replace under the same name: version + 1, same id, the old sealed value gone", async () => {
    const org = await newOrg();
    const first = await at.setUp(org, "sk-admin-sim-account-old", { credential_name: "Team Key" });
    const before = await at.stored(org, first.credential_id);

    const second = await at.setUp(org, "sk-admin-sim-account-new", { credential_name: " TEAM key " });

    const after = await at.stored(org, first.credential_id);
    expect(second).toMatchObject({ credential_id: first.credential_id, version: 2, fingerprint: "sk-admin-...-new" });
    expect(after.secretVersion).toBe(2);
    expect(JSON.stringify(after)).not.toContain(before.sealed.ciphertext);
    expect(Object.keys((await at.index(org)).providers["openai"]?.credentials ?? {})).toEqual([first.credential_id]);
    const rows = rowsOf("org_integration_credentials").filter((row) => row["credential_id"] === first.credential_id);
    expect(rows.map((row) => [row["operation"], row["version"]])).toEqual([
      ["CREATE", 1],
      ["UPDATE", 2],
    ]);
  });

  it.each(["   ", " a ", "ab"])("are refused when nothing readable is left of %j", async (name) => {
    const error = await refusal(at.setUp(acme, "sk-admin-sim-account-nameless", { credential_name: name }));

    expect(error).toMatchObject({ code: "INVALID_BODY", fields: [{ path: "/credential_name" }] });
    expect(await at.calls("account-nameless")).toBe(0);
  });

  it("keep one account under one name, naming the one that has it", async () => {
    const org = await newOrg();
    await at.setUp(org, "sk-admin-sim-account-shared", { credential_name: "finance" });
    const commits = at.documents.commits();

    const error = await refusal(at.setUp(org, "sk-admin-sim-account-shared", { credential_name: "engineering" }));

    expect(error.code).toBe("ACCOUNT_ALREADY_CONNECTED");
    expect(error.message).toContain('"finance"');
    expect(at.documents.commits()).toBe(commits);
  });

  it("may share an account when each is restricted to projects of its own", async () => {
    const org = await newOrg();
    const restricted = (name: string, project_ids: string[]) =>
      at.setUp(org, "sk-admin-sim-account-split", { credential_name: name, metadata: { project_ids } });
    await restricted("first", ["proj_a", "proj_b"]);

    const apart = await restricted("second", ["proj_c"]);
    const overlapping = await refusal(restricted("third", ["proj_d", "proj_b"]));
    const whole = await refusal(at.setUp(org, "sk-admin-sim-account-split", { credential_name: "fourth" }));

    expect(apart.success).toBe(true);
    expect([overlapping.code, whole.code]).toEqual(["ACCOUNT_ALREADY_CONNECTED", "ACCOUNT_ALREADY_CONNECTED"]);
  });

  it("end in one credential when the same setup is sent 20 times at once", async () => {
    const org = await newOrg();

    const ended = await Promise.allSettled(
      Array.from({ length: 20 }, () => at.setUp(org, "sk-admin-sim-account-doubleclick")),
    );

    const codes = ended.flatMap((end) => (end.status === "rejected" ? [(end.reason as AppError).code] : []));
    const credentials = Object.keys((await at.index(org)).providers["openai"]?.credentials ?? {});
    expect(credentials).toHaveLength(1);
    expect(pathsBelow(at.documents, `orgs/${org.key}/credentials/`)).toEqual([
      credentialPath(org, credentials[0] ?? ""),
    ]);
    expect([...new Set(codes)]).toEqual(["VERSION_CONFLICT"]);
  });

  it("are at most 20 for a provider; replacing one of them still works", async () => {
    const org = await newOrg();
    for (let n = 1; n <= 20; n++) await at.setUp(org, `sk-admin-sim-account-many${n}`, { credential_name: `key ${n}` });

    const error = await refusal(at.setUp(org, "sk-admin-sim-account-many21", { credential_name: "key 21" }));
    const replaced = await at.setUp(org, "sk-admin-sim-account-many22", { credential_name: "key 20" });

    expect(error.code).toBe("TOO_MANY_CREDENTIALS");
    expect(replaced.version).toBe(2);
    expect(Object.keys((await at.index(org)).providers["openai"]?.credentials ?? {})).toHaveLength(20);
  });
});

describe("the providers limit of the plan", () => {
  const other = { since: "2026-01-01T00:00:00Z", credentials: { cred_other: { name: "default", accountId: "a" } } };

  async function connectOther(org: OrgIdentity): Promise<void> {
    await at.documents.transaction(async (tx) => {
      const { body } = await tx.get<IntegrationsIndex>(indexPath(org));
      tx.set<IntegrationsIndex>(indexPath(org), { providers: { ...body?.providers, other } });
    });
  }

  it("refuses a further provider before it is called", async () => {
    const org = await newOrg("FREE");
    await connectOther(org);

    const error = await refusal(at.setUp(org, "sk-admin-sim-account-toomany"));

    expect(error).toMatchObject({ code: "PLAN_LIMIT_REACHED", fields: [{ path: "/quota/providers" }] });
    expect(await at.calls("account-toomany")).toBe(0);
  });

  it("holds when the other provider is connected while this one is being checked", async () => {
    const org = await newOrg("FREE");
    const racing: EnginePorts = {
      ...at.ports,
      keys: {
        ...at.ports.keys,
        open: async (sealed, context) => {
          await connectOther(org);
          return at.ports.keys.open(sealed, context);
        },
      },
    };

    const error = await refusal(at.setUp(org, "sk-admin-sim-account-raced", {}, racing));

    expect(error.code).toBe("PLAN_LIMIT_REACHED");
    expect(Object.keys((await at.index(org)).providers)).toEqual(["other"]);
    expect(pathsBelow(at.documents, `orgs/${org.key}/credentials/`)).toEqual([]);
  });

  it("counts several credentials of one provider once, and a removed provider not at all", async () => {
    const org = await newOrg("FREE");
    await at.setUp(org, "sk-admin-sim-account-free1", { credential_name: "one" });
    const second = await at.setUp(org, "sk-admin-sim-account-free2", { credential_name: "two" });
    await at.remove(org);

    const again = await at.setUp(org, "sk-admin-sim-account-free1", { credential_name: "one" });

    expect([second.success, again.success]).toEqual([true, true]);
  });

  it("is not asked for a subscription that may not run", async () => {
    const org = await newOrg();
    await at.documents.transaction(async (tx) => {
      const path = `orgs/${org.key}/subscription/current`;
      const { body } = await tx.get<Record<string, unknown>>(path);
      tx.set(path, { ...body, status: "CANCELLED" });
    });

    const error = await refusal(at.setUp(org, "sk-admin-sim-account-suspended"));

    expect(error.code).toBe("SUBSCRIPTION_INACTIVE");
    expect(await at.calls("account-suspended")).toBe(0);
  });
});

describe("a sealed credential", () => {
  /** Puts a changed credential in place and runs the pipeline. */
  async function runWith(
    org: OrgIdentity,
    credentialId: string,
    change: Partial<CredentialDocument>,
  ): Promise<string | undefined> {
    await at.documents.transaction(async (tx) => {
      const { body } = await tx.get<CredentialDocument>(credentialPath(org, credentialId));
      tx.set(credentialPath(org, credentialId), { ...body, ...change });
    });
    const run = await at.world.ran(org, { start_date: "2026-08-01", end_date: "2026-08-01" });
    return run.error?.code;
  }

  it("opens for its own run only: not in another organization, credential or version", async () => {
    const [one, two] = [await newOrg(), await newOrg()];
    const own = await at.setUp(one, "sk-admin-sim-account-sealed");
    const foreign = await at.setUp(two, "sk-admin-sim-account-sealed");
    const good = await at.stored(one, own.credential_id);
    const theirs = await at.stored(two, foreign.credential_id);

    const untouched = await runWith(one, own.credential_id, {});
    const moved = await runWith(one, own.credential_id, { sealed: theirs.sealed });
    const older = await runWith(one, own.credential_id, { sealed: good.sealed, secretVersion: 2 });
    await at.remove(one);
    const anew = await at.setUp(one, "sk-admin-sim-account-sealed");
    const otherCredential = await runWith(one, anew.credential_id, { sealed: good.sealed });

    expect([untouched, moved, older, otherCredential]).toEqual([
      undefined,
      "CREDENTIAL_UNREADABLE",
      "CREDENTIAL_UNREADABLE",
      "CREDENTIAL_UNREADABLE",
    ]);
  }, 60_000);

  it("does not open under another key ring", async () => {
    const org = await newOrg();
    await at.setUp(org, "sk-admin-sim-account-otherring");
    const file = join(at.ports.config.CA_DATA_DIR, "other-ring.json");
    await createKeyRing(file);

    const error = await refusal(at.validate(org, undefined, { ...at.ports, keys: keyRingKeys({ file }) }));
    await rm(file);

    expect(error.code).toBe("SEALED_UNREADABLE");
  });
});
