import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertDocumentPath } from "#shared/platform/documents/document-rules.ts";
import { orgKeyOf } from "./org-slug.ts";

describe("the key of an organization", () => {
  it.each([
    ["acme", "acme"],
    ["Acme_GmbH", "acme_gmbh"],
    ["my_api_org", "my_api_org"],
    ["__a", "__a"],
    ["a".repeat(50), "a".repeat(50)],
  ])("of %s is %s", (slug, key) => {
    expect(orgKeyOf(slug)).toBe(key);
  });

  it.each([
    "",
    "ab",
    "a".repeat(51),
    "a-b",
    "a/b",
    "..",
    "a b",
    "acm\u00e9",
    "\u212aappa",
    "__proto__",
    "____",
    "abc\n",
  ])("does not exist for %j", (slug) => {
    expect(orgKeyOf(slug)).toBeUndefined();
  });

  it("can always stand in a document's path, alone", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9_]{1,60}$/)), (slug) => {
        const key = orgKeyOf(slug);
        if (key === undefined) return;
        expect(key).not.toContain("/");
        expect(() => assertDocumentPath(`orgs/${key}`)).not.toThrow();
      }),
    );
  });
});
