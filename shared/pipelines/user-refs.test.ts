import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newOrgKeys, orgKeysPath, type SealedBy } from "#shared/access/org-keys.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import { memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import type { Claim } from "./claim.ts";
import { userRefs } from "./user-refs.ts";

const keys = envelopeKeys(localWrapper({ key: randomBytes(32), keyName: "platform", keyVersion: "1" }));
let documents: Documents;
let opened = 0;
let isDown = false;
let by: SealedBy;

beforeEach(async () => {
  documents = memoryDocuments(movableClock());
  const orgKeys = await newOrgKeys("org_1", keys);
  await documents.transaction(async (tx) => tx.create(orgKeysPath("org_1"), orgKeys));
  opened = 0;
  isDown = false;
  const open: Keys["open"] = async (sealed, context) => {
    opened += 1;
    if (isDown) throw new Error("the key service is down");
    return keys.open(sealed, context);
  };
  by = { documents, keys: { ...keys, open } };
});

afterEach(() => documents.close());

function refs(userDetail: string | undefined) {
  const claim = { run: { org: { orgId: "org_1" } }, credential: { userDetail } };
  return userRefs(claim as unknown as Claim, by);
}

// Source: providers.md 2.6.
describe("userRefs", () => {
  it.each([
    ["none", null],
    ["email", "Ada@Example.com"],
    ["pseudonym", expect.stringMatching(/^u_[0-9a-f]{16}$/)],
    [undefined, expect.stringMatching(/^u_[0-9a-f]{16}$/)],
  ])("shows people with the setting %s as %s", async (userDetail, expected) => {
    expect(await refs(userDetail)("Ada@Example.com")).toEqual(expected);
  });

  it("opens the key once for many people, and not at all without people or pseudonyms", async () => {
    const pseudonym = refs("pseudonym");
    await refs("none")("ada@example.com");
    await refs("email")("ada@example.com");
    expect(opened).toBe(0);

    await Promise.all(["ada@example.com", "bob@example.com", "ada@example.com"].map(pseudonym));

    expect(opened).toBe(1);
  });

  it("tries again after the key service was down", async () => {
    const pseudonym = refs("pseudonym");
    isDown = true;
    await expect(pseudonym("ada@example.com")).rejects.toThrow("the key service is down");
    isDown = false;

    await expect(pseudonym("ada@example.com")).resolves.toMatch(/^u_/);
  });
});
