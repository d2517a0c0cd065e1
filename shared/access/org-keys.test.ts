import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import { memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import {
  credentialContext,
  newOrgKeys,
  type OrgKeysDocument,
  openForOrg,
  orgKeysPath,
  pseudonymsOf,
  type SealedBy,
  sealForOrg,
} from "./org-keys.ts";

const keys = envelopeKeys(localWrapper({ key: randomBytes(32), keyName: "platform", keyVersion: "1" }));
let documents: Documents;
let by: SealedBy;

beforeEach(async () => {
  documents = memoryDocuments(movableClock());
  by = { documents, keys };
  for (const orgId of ["org_1", "org_2"]) await store(orgId, await newOrgKeys(orgId, keys));
});

afterEach(() => documents.close());

function store(orgId: string, document: OrgKeysDocument): Promise<void> {
  return documents.transaction(async (tx) => {
    await tx.get(orgKeysPath(orgId));
    tx.set(orgKeysPath(orgId), document);
  });
}

async function stored(orgId: string): Promise<OrgKeysDocument> {
  const { body } = await documents.get<OrgKeysDocument>(orgKeysPath(orgId));
  if (!body) throw new Error(`no keys of ${orgId}`);
  return body;
}

// Source: providers.md 1.8.
describe("a secret of an organization", () => {
  it("opens under its own organization and context, and under no other", async () => {
    const context = credentialContext("org_1", "anthropic", "cred_1", 1);
    const sealed = await sealForOrg("org_1", "sk-canary", context, by);

    await expect(openForOrg("org_1", sealed, context, by)).resolves.toBe("sk-canary");
    for (const [orgId, other] of [
      ["org_2", context],
      ["org_1", credentialContext("org_1", "anthropic", "cred_1", 2)],
      ["org_1", credentialContext("org_1", "openai", "cred_1", 1)],
    ] as const) {
      await expect(openForOrg(orgId, sealed, other, by)).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
    }
  });
});

// Source: providers.md 2.6.
describe("pseudonyms", () => {
  it("are equal for spellings of one id and differ between ids", async () => {
    const pseudonym = await pseudonymsOf("org_1", by);

    const [plain, upper, composed, decomposed, other] = [
      "ada@example.com",
      "Ada@Example.COM",
      "jos\u00e9@example.com",
      "jose\u0301@example.com",
      "bob@example.com",
    ].map(pseudonym);

    expect(plain).toMatch(/^u_[0-9a-f]{16}$/);
    expect(upper).toBe(plain);
    expect(decomposed).toBe(composed);
    expect(new Set([plain, composed, other]).size).toBe(3);
  });

  it("stay the same over time and differ between organizations", async () => {
    const [first, again, elsewhere] = await Promise.all(
      ["org_1", "org_1", "org_2"].map(async (orgId) => (await pseudonymsOf(orgId, by))("ada@example.com")),
    );

    expect(again).toBe(first);
    expect(elsewhere).not.toBe(first);
  });

  it("end with the organization's keys", async () => {
    await documents.transaction(async (tx) => {
      await tx.get(orgKeysPath("org_1"));
      tx.delete(orgKeysPath("org_1"));
    });

    await expect(pseudonymsOf("org_1", by)).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
  });

  it("cannot be made with the key of another organization", async () => {
    await store("org_1", { ...(await stored("org_1")), pseudonymKey: (await stored("org_2")).pseudonymKey });

    await expect(pseudonymsOf("org_1", by)).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
  });
});
