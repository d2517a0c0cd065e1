import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Keys, Sealed } from "./keys.ts";

/** A platform under test, with the operator's side of its key. */
export interface KeysUnderTest {
  keys: Keys;
  /** Gives the key a new primary version. */
  rotate(): Promise<void>;
  /** Disables the version before the primary one. */
  disablePrevious(): Promise<void>;
  /** From now on the key cannot be reached. */
  cutOff(): Promise<void>;
  close(): Promise<void>;
}

const context = "v1|org_1|openai|cred_1|1";
const unreadable = { name: "AppError", code: "SEALED_UNREADABLE", retryable: false };
const unavailable = { name: "AppError", code: "KEYS_UNAVAILABLE", retryable: true };

/** What every adapter of the port must do. */
export function keysContract(open: () => Promise<KeysUnderTest>): void {
  describe("keys contract", () => {
    let under: KeysUnderTest;
    beforeEach(async () => {
      under = await open();
    });
    afterEach(async () => {
      await under.close();
    });

    const secret = Buffer.from("sk-admin-äöü-🔑");
    const seal = (plaintext: Uint8Array = secret): Promise<Sealed> => under.keys.seal(plaintext, context);
    const opened = async (sealed: Sealed): Promise<Buffer> => Buffer.from(await under.keys.open(sealed, context));

    it("opens what it sealed, also after a trip through JSON", async () => {
      const sealed = JSON.parse(JSON.stringify(await seal())) as Sealed;

      expect(await opened(sealed)).toEqual(secret);
      expect(sealed.alg).toBe("A256GCM");
      expect(Buffer.from(sealed.nonce, "base64")).toHaveLength(12);
      expect(Buffer.from(sealed.tag, "base64")).toHaveLength(16);
      expect(sealed.keyVersion.startsWith(`${sealed.keyName}/`)).toBe(true);
    });

    it("opens any plaintext under any context", async () => {
      const property = fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: "grapheme" }),
        async (plaintext, anyContext) => {
          const sealed = await under.keys.seal(plaintext, anyContext);

          expect(Buffer.from(await under.keys.open(sealed, anyContext))).toEqual(Buffer.from(plaintext));
        },
      );
      await fc.assert(property, { numRuns: 25 });
    });

    it.each([0, 1, 64 * 1024])("seals %i bytes", async (length) => {
      const plaintext = randomBytes(length);

      expect(await opened(await seal(plaintext))).toEqual(plaintext);
    });

    it("does not show the plaintext", async () => {
      const sealed = await seal(Buffer.alloc(64, "A"));

      expect(Buffer.from(sealed.ciphertext, "base64").includes("AAAA")).toBe(false);
    });

    it.each(["", "v1|org_2|openai|cred_1|1", "v1|org_1|openai|cred_1|2", `${context} `])(
      "does not open under the context '%s'",
      async (other) => {
        const sealed = await seal();

        await expect(under.keys.open(sealed, other)).rejects.toMatchObject(unreadable);
        await expect(under.keys.rewrap(sealed, other)).rejects.toMatchObject(unreadable);
      },
    );

    it.each(["nonce", "ciphertext", "tag", "wrappedKey"] as const)(
      "does not open with any changed byte of %s, nor without it, nor with the part of another",
      async (part) => {
        const sealed = await seal();
        const other = await seal();
        const bytes = Buffer.from(sealed[part], "base64");

        for (let at = 0; at < bytes.length; at++) {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
          await expect(
            under.keys.open({ ...sealed, [part]: changed.toString("base64") }, context),
          ).rejects.toMatchObject(unreadable);
        }
        for (const value of ["", "!", `${sealed[part]}\n`, bytes.subarray(1).toString("base64"), other[part]]) {
          await expect(under.keys.open({ ...sealed, [part]: value }, context)).rejects.toMatchObject(unreadable);
        }
      },
    );

    it("does not open with a shortened tag", async () => {
      const sealed = await seal();
      const tag = Buffer.from(sealed.tag, "base64").subarray(0, 12).toString("base64");

      await expect(under.keys.open({ ...sealed, tag }, context)).rejects.toMatchObject(unreadable);
    });

    it("does not open under another key's name or another algorithm", async () => {
      const sealed = await seal();

      await expect(under.keys.open({ ...sealed, keyName: `${sealed.keyName}x` }, context)).rejects.toMatchObject(
        unreadable,
      );
      await expect(under.keys.open({ ...sealed, alg: "A128GCM" } as unknown as Sealed, context)).rejects.toMatchObject(
        unreadable,
      );
    });

    it("seals one plaintext differently each time, in every part", async () => {
      const [first, second] = [await seal(), await seal()];

      for (const part of ["nonce", "ciphertext", "tag", "wrappedKey"] as const)
        expect(first[part]).not.toBe(second[part]);
    });

    it("opens older values after a rotation, and seals under the new version", async () => {
      const before = await seal();
      await under.rotate();
      const after = await seal();

      expect(await opened(before)).toEqual(secret);
      expect(await opened(after)).toEqual(secret);
      expect(after.keyVersion).not.toBe(before.keyVersion);
    });

    it("rewrapped values open after the old version is disabled; others do not", async () => {
      const before = await seal();
      await under.rotate();
      const rewrapped = await under.keys.rewrap(before, context);
      await under.disablePrevious();

      expect(await opened(rewrapped)).toEqual(secret);
      await expect(opened(before)).rejects.toMatchObject(unreadable);
    });

    it("rewraps without touching the payload", async () => {
      const before = await seal();
      await under.rotate();

      const rewrapped = await under.keys.rewrap(before, context);

      const { wrappedKey, keyVersion, ...payload } = rewrapped;
      expect(before).toMatchObject(payload);
      expect(wrappedKey).not.toBe(before.wrappedKey);
      expect(keyVersion).not.toBe(before.keyVersion);
    });

    it("is unavailable, for a while, when the key cannot be reached", async () => {
      const sealed = await seal();
      await under.cutOff();

      await expect(seal()).rejects.toMatchObject(unavailable);
      await expect(opened(sealed)).rejects.toMatchObject(unavailable);
      await expect(under.keys.rewrap(sealed, context)).rejects.toMatchObject(unavailable);
    });
  });
}
