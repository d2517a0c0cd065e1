import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type KeyWrapper, localWrapper, openEnvelope, rewrapEnvelope, sealEnvelope } from "./envelope.ts";

const context = "v1|org_1|openai|cred_1|1";
const secret = Buffer.from("sk-secret");
const localKey = (keyVersion: string): KeyWrapper =>
  localWrapper({ key: randomBytes(32), keyName: "orgKeys/org_1", keyVersion });

describe("envelope", () => {
  it("opens under the wrapper that sealed, and no other", async () => {
    const own = localKey("orgKeys/org_1/versions/1");
    const sealed = await sealEnvelope(secret, context, own.wrap);

    expect(await openEnvelope(sealed, context, own.unwrap)).toEqual(secret);
    await expect(openEnvelope(sealed, context, localKey("orgKeys/org_1/versions/1").unwrap)).rejects.toMatchObject({
      code: "SEALED_UNREADABLE",
    });
    await expect(openEnvelope(sealed, context, localKey("orgKeys/org_1/versions/2").unwrap)).rejects.toMatchObject({
      code: "SEALED_UNREADABLE",
    });
  });

  it("moves to a successor key without changing the payload", async () => {
    const [old, successor] = [localKey("v/1"), localKey("v/2")];
    const sealed = await sealEnvelope(secret, context, old.wrap);

    const moved = await rewrapEnvelope(sealed, context, old, successor);

    expect(await openEnvelope(moved, context, successor.unwrap)).toEqual(secret);
    expect(moved).toMatchObject({
      nonce: sealed.nonce,
      ciphertext: sealed.ciphertext,
      tag: sealed.tag,
      keyVersion: "v/2",
    });
  });

  it("binds the context to the wrapped key as well as to the payload", async () => {
    const wrapper = localKey("v/1");
    const seen: string[] = [];
    const spy: KeyWrapper = {
      wrap(key, additionalData) {
        seen.push(Buffer.from(additionalData).toString("utf8"));
        return wrapper.wrap(key, additionalData);
      },
      unwrap: (wrapped) => wrapper.unwrap(wrapped, Buffer.from(context)),
    };

    const sealed = await sealEnvelope(secret, context, spy.wrap);

    expect(seen).toEqual([context]);
    await expect(openEnvelope(sealed, "another", spy.unwrap)).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
  });

  it("zeroes every data key after use, also when something fails", async () => {
    const wrapper = localKey("v/1");
    const dataKeys: Uint8Array[] = [];
    const kept = (key: Uint8Array): Uint8Array => {
      dataKeys.push(key);
      return key;
    };
    const spy: KeyWrapper = {
      wrap: (key, additionalData) => wrapper.wrap(kept(key), additionalData),
      unwrap: async (wrapped, additionalData) => kept(await wrapper.unwrap(wrapped, additionalData)),
    };
    const failing: Pick<KeyWrapper, "wrap"> = {
      wrap: (key) => Promise.reject(new Error(`no service for ${kept(key).length} bytes`)),
    };

    const sealed = await sealEnvelope(secret, context, spy.wrap);
    await openEnvelope(sealed, context, spy.unwrap);
    await rewrapEnvelope(sealed, context, spy, spy);
    await expect(openEnvelope({ ...sealed, tag: sealed.nonce }, context, spy.unwrap)).rejects.toThrow();
    await expect(sealEnvelope(secret, context, failing.wrap)).rejects.toThrow("no service for 32 bytes");
    await expect(rewrapEnvelope(sealed, context, spy, failing)).rejects.toThrow("no service");

    expect(dataKeys.length).toBeGreaterThanOrEqual(7);
    for (const key of dataKeys) expect(Buffer.from(key)).toEqual(Buffer.alloc(32));
  });

  it("does not use a nonce twice in 20,000 seals", async () => {
    const wrapper = localKey("v/1");
    const nonces = new Set<string>();

    for (let count = 0; count < 20_000; count++) nonces.add((await sealEnvelope(secret, context, wrapper.wrap)).nonce);

    expect(nonces.size).toBe(20_000);
  });

  it("says nothing of the plaintext or the key in its error", async () => {
    const wrapper = localKey("v/1");
    const sealed = await sealEnvelope(secret, context, wrapper.wrap);

    const error: unknown = await openEnvelope(sealed, "another", wrapper.unwrap).catch((reason: unknown) => reason);

    expect(String(error)).not.toContain("sk-secret");
    expect(String(error)).not.toContain(sealed.ciphertext);
  });
});
