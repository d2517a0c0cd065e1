import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparableEmail, emailAddress, emailPath, maskedEmail } from "./email.ts";

describe("an e-mail address", () => {
  it.each([
    ["  Ada@Example.com\n", "Ada@Example.com"],
    ["ä@münchen.example", "ä@münchen.example"],
    [`${"a".repeat(242)}@example.com`, `${"a".repeat(242)}@example.com`],
  ])("%j is shown as typed, without blanks around it", (typed, shown) => {
    expect(emailAddress(typed)).toBe(shown);
  });

  it.each([
    "",
    "ada",
    "@example.com",
    "ada@",
    "a@b@c",
    "a b@example.com",
    "a\u0000@example.com",
    "a\u007f@example.com",
    "\u202eada@example.com",
    `${"a".repeat(243)}@example.com`,
  ])("%j is none", (typed) => {
    expect(emailAddress(typed)).toBeUndefined();
  });

  it("is one with every other that differs in case only", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        expect(emailPath(address.toUpperCase())).toBe(emailPath(address.toLowerCase()));
        expect(comparableEmail(address)).toBe(comparableEmail(` ${address} `));
      }),
    );
  });

  it("is recognised by its owner when masked, and by nobody else", () => {
    expect(maskedEmail("ada.lovelace@example.com")).toBe("a***@example.com");
  });
});
