/**
 * The port of secrets. `context` is bound as additional authenticated data: a sealed value opens only under the same
 * context. Throws `SEALED_UNREADABLE` when it does not open and `KEYS_UNAVAILABLE` (retryable) when the key service cannot be reached.
 */
export interface Keys {
  seal(plaintext: Uint8Array, context: string): Promise<Sealed>;
  open(sealed: Sealed, context: string): Promise<Uint8Array>;
  /** Wraps the data key anew under the primary version of the key; the payload is not opened. */
  rewrap(sealed: Sealed, context: string): Promise<Sealed>;
}

/** Everything is base64 but the names. */
export interface Sealed {
  alg: "A256GCM";
  nonce: string;
  ciphertext: string;
  tag: string;
  wrappedKey: string;
  /** Full name of the wrapping key and of its version. */
  keyName: string;
  keyVersion: string;
}
