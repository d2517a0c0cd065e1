import { randomBytes } from "node:crypto";
import { AppError } from "#shared/runtime/errors.ts";
import { decryptGcm, encryptGcm, joinGcm, splitGcm } from "./aes-gcm.ts";
import type { Keys, Sealed } from "./keys.ts";

/** A wrapped data key and the key it is wrapped by; `wrappedKey` is base64. */
export type WrappedKey = Pick<Sealed, "wrappedKey" | "keyName" | "keyVersion">;

/** What wraps data keys: a key service, a local key, an organization's own key. */
export interface KeyWrapper {
  wrap(key: Uint8Array, additionalData: Uint8Array): Promise<WrappedKey>;
  /** The caller owns the key it gets, and zeroes it. Throws `SEALED_UNREADABLE`. */
  unwrap(wrapped: WrappedKey, additionalData: Uint8Array): Promise<Uint8Array>;
}

const dataKeyBytes = 32;

/**
 * Seals under a fresh 256-bit data key with AES-256-GCM. The UTF-8 bytes of `context` are additional data of the payload
 * and of the wrapped data key. Source: `providers.md` 1.8.
 */
export async function sealEnvelope(plaintext: Uint8Array, context: string, wrap: KeyWrapper["wrap"]): Promise<Sealed> {
  const additionalData = Buffer.from(context);
  const dataKey = randomBytes(dataKeyBytes);
  try {
    const { nonce, ciphertext, tag } = encryptGcm(dataKey, plaintext, additionalData);
    const { wrappedKey, keyName, keyVersion } = await wrap(dataKey, additionalData);
    return {
      alg: "A256GCM",
      nonce: base64(nonce),
      ciphertext: base64(ciphertext),
      tag: base64(tag),
      wrappedKey,
      keyName,
      keyVersion,
    };
  } finally {
    dataKey.fill(0);
  }
}

/** The plaintext. Throws `SEALED_UNREADABLE` when context, key or any part is not that of the sealing. */
export async function openEnvelope(sealed: Sealed, context: string, unwrap: KeyWrapper["unwrap"]): Promise<Uint8Array> {
  if (sealed.alg !== "A256GCM") throw unreadable("unknown algorithm");
  const parts = {
    nonce: strictBase64(sealed.nonce),
    ciphertext: strictBase64(sealed.ciphertext),
    tag: strictBase64(sealed.tag),
  };
  const additionalData = Buffer.from(context);
  const dataKey = await unwrap(sealed, additionalData);
  try {
    return decryptGcm(dataKey, parts, additionalData);
  } catch (cause) {
    throw unreadable("not the sealed bytes or not their context", cause);
  } finally {
    dataKey.fill(0);
  }
}

/** Wraps the data key anew; the payload is neither opened nor changed. Used when a key gets a new version or a successor. */
export async function rewrapEnvelope(
  sealed: Sealed,
  context: string,
  from: Pick<KeyWrapper, "unwrap">,
  to: Pick<KeyWrapper, "wrap">,
): Promise<Sealed> {
  const additionalData = Buffer.from(context);
  const dataKey = await from.unwrap(sealed, additionalData);
  try {
    const { wrappedKey, keyName, keyVersion } = await to.wrap(dataKey, additionalData);
    return { ...sealed, wrappedKey, keyName, keyVersion };
  } finally {
    dataKey.fill(0);
  }
}

/** The port over one wrapper. */
export function envelopeKeys(wrapper: KeyWrapper): Keys {
  return {
    seal: (plaintext, context) => sealEnvelope(plaintext, context, wrapper.wrap),
    open: (sealed, context) => openEnvelope(sealed, context, wrapper.unwrap),
    rewrap: (sealed, context) => rewrapEnvelope(sealed, context, wrapper, wrapper),
  };
}

/** A wrapper around a 256-bit key at hand. `key` stays the caller's: it must live as long as the wrapper. */
export function localWrapper(options: { key: Uint8Array; keyName: string; keyVersion: string }): KeyWrapper {
  const { key, keyName, keyVersion } = options;
  return {
    async wrap(dataKey, additionalData) {
      return { wrappedKey: base64(joinGcm(encryptGcm(key, dataKey, additionalData))), keyName, keyVersion };
    },
    async unwrap(wrapped, additionalData) {
      if (wrapped.keyName !== keyName || wrapped.keyVersion !== keyVersion) throw unreadable("wrapped by another key");
      const bytes = strictBase64(wrapped.wrappedKey);
      try {
        return decryptGcm(key, splitGcm(bytes), additionalData);
      } catch (cause) {
        throw unreadable("the data key does not unwrap", cause);
      }
    },
  };
}

/** The one way to say that a sealed value does not open. */
export function unreadable(why: string, cause?: unknown): AppError {
  return new AppError("SEALED_UNREADABLE", `The sealed value does not open: ${why}.`, { cause });
}

/** Refuses what decodes but was not written so: every changed character has to count. */
export function strictBase64(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (base64(bytes) !== text) throw unreadable("not base64");
  return bytes;
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64");
}
