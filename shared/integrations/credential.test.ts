import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { providers } from "#shared/providers/load-registry.ts";
import type { AppError } from "#shared/runtime/errors.ts";
import {
  type CredentialStatus,
  credentialStatuses,
  fingerprintOf,
  integrationStatus,
  newCredentialId,
} from "./credential.ts";
import { checkedMetadata } from "./metadata.ts";

const secret = "sk-admin-abcdefghijklmnopwXYZ";

describe("a fingerprint", () => {
  it.each([
    ["sk-admin-abcdefghijklmnopwXYZ", "sk-admin-...wXYZ"],
    ["sk-proj-abcdefghijklmnop1234", "sk-proj-...1234"],
    ["sk-abcdefghijklmnopq", "sk-...nopq"],
    ["sk-abcdefghijklmnop", "..."],
    ["unknown-prefix-of-a-key-9876", "...9876"],
  ])("of %s is %s", async (text, fingerprint) => {
    expect(fingerprintOf(text, (await providers()).provider("openai"))).toBe(fingerprint);
  });

  it("never tells more than the public prefix and the last four characters", async () => {
    const entry = (await providers()).provider("openai");

    fc.assert(
      fc.property(fc.stringMatching(/^sk-[A-Za-z0-9_-]{1,80}$/), (text) => {
        const [prefix, end] = fingerprintOf(text, entry).split("...");
        expect(["", ...entry.credential.public_prefixes]).toContain(prefix);
        expect(end).toBe(text.length < 20 ? "" : text.slice(-4));
      }),
    );
  });
});

describe("the status of an integration (providers.md 1.4)", () => {
  it.each<[CredentialStatus[], string]>([
    [[], "NOT_CONFIGURED"],
    [["VALID", "VALID"], "VALID"],
    [["VALID", "INVALID"], "PARTIAL_VALID"],
    [["PARTIAL_VALID"], "PARTIAL_VALID"],
    [["PENDING", "EXPIRED", "INVALID"], "PENDING"],
    [["EXPIRED", "INVALID"], "EXPIRED"],
    [["INVALID"], "INVALID"],
  ])("of %j is %s", (statuses, status) => {
    expect(integrationStatus(statuses)).toBe(status);
  });

  it("does not depend on the order of the credentials", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...credentialStatuses)), (statuses) => {
        expect(integrationStatus([...statuses].reverse())).toBe(integrationStatus(statuses));
      }),
    );
  });
});

describe("the metadata of a credential", () => {
  async function checked(metadata: Record<string, unknown>): Promise<Record<string, unknown> | AppError> {
    const entry = (await providers()).provider("openai");
    return checkedMetadata(entry, metadata, secret).catch((error: unknown) => error as AppError);
  }

  it("is taken as the registry allows it", async () => {
    const metadata = { project_ids: ["proj_1"], notes: "Straße 🦄", cost_center: "42" };

    expect(await checked(metadata)).toEqual(metadata);
  });

  it("is refused with every fault at once", async () => {
    const error = await checked({ colour: "red", notes: "n".repeat(501), project_ids: ["a", "a"] });

    expect(error).toMatchObject({ code: "METADATA_INVALID" });
    expect((error as AppError).fields.map(({ path }) => path).sort()).toEqual([
      "/metadata/colour",
      "/metadata/notes",
      "/metadata/project_ids",
    ]);
  });

  it.each([
    secret,
    `see ${secret}`,
    "-----BEGIN PRIVATE KEY-----\nabc",
    "-----BEGIN RSA PRIVATE KEY-----",
    "sk-proj-0123456789abcdefghij",
    "ghp_0123456789abcdefghijABCDEF",
    "AIzaSyA0123456789abcdefghijklmnopqrs",
  ])("is refused when it holds %s, and the answer does not repeat it", async (value) => {
    const error = await checked({ notes: value });

    expect(error).toMatchObject({
      code: "METADATA_INVALID",
      fields: [{ path: "/metadata", problem: "holds what looks like a secret" }],
    });
    expect(JSON.stringify([(error as AppError).message, (error as AppError).fields])).not.toContain(value);
  });

  it("is refused above 50 KiB, measured in bytes", async () => {
    const notes = "ü".repeat(25_600);

    expect(await checked({ notes })).toMatchObject({ code: "METADATA_TOO_LARGE" });
    expect(await checked({ notes: "ü".repeat(25_500) })).toMatchObject({ code: "METADATA_INVALID" });
  });
});

it("gives credentials ids of 20 base62 characters that differ", () => {
  const ids = Array.from({ length: 1000 }, newCredentialId);

  expect(ids.filter((id) => !/^cred_[0-9A-Za-z]{20}$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(1000);
});
