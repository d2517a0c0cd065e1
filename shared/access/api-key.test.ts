import { describe, expect, it } from "vitest";
import { apiKeyHash, hasApiKeyForm, makeApiKey } from "./api-key.ts";

describe("organization keys (organizations.md 4)", () => {
  it.each([
    ["test_org_api_0123456789ABCDEFGHIJKLMNOPQRST4gVtUy", "83a43b551a68615d"],
    ["Acme_api_x_api_zyxwvutsrqponmlkjihgfedcbaZYXW09pr67", "7e29540ea0747355"],
    ["abc_api_00000000000000000000000000000025UcK3", "7ef509ae96bbda7d"],
  ])("knows the vector %s", (key, hashStart) => {
    expect(hasApiKeyForm(key)).toBe(true);
    expect(apiKeyHash(key).startsWith(hashStart)).toBe(true);
  });

  it("makes keys of the right form, also for a slug that contains _api_", () => {
    const key = makeApiKey("my_api_org");

    expect(key).toMatch(/^my_api_org_api_[0-9A-Za-z]{36}$/);
    expect(hasApiKeyForm(key)).toBe(true);
  });

  it("refuses a key in which any one character is changed", () => {
    const key = makeApiKey("acme");

    for (let at = 0; at < key.length; at++) {
      const other = key[at] === "x" ? "y" : "x";
      const changed = key.slice(0, at) + other + key.slice(at + 1);
      expect(hasApiKeyForm(changed), changed).toBe(false);
    }
  });

  it("refuses what is too long or has other characters", () => {
    expect(hasApiKeyForm(`${"a".repeat(60)}_api_${"0".repeat(36)}`)).toBe(false);
    expect(hasApiKeyForm("")).toBe(false);
    expect(hasApiKeyForm("acme_api_\u0000")).toBe(false);
  });
});
