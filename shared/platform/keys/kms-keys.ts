import type { KeyManagementServiceClient } from "@google-cloud/kms";
import { AppError } from "#shared/runtime/errors.ts";
import { crc32c } from "./crc32c.ts";
import { envelopeKeys, strictBase64, unreadable, type WrappedKey } from "./envelope.ts";
import type { Keys } from "./keys.ts";

export interface KmsKeysOptions {
  /** `projects/<p>/locations/<l>/keyRings/<r>/cryptoKeys/<k>` */
  keyName: string;
  clientOptions?: KmsClientOptions;
  /** For one wrap or unwrap, with the client's own retries of UNAVAILABLE in it. Default 10,000. */
  timeoutMilliseconds?: number;
}

export type KmsClientOptions = NonNullable<ConstructorParameters<typeof KeyManagementServiceClient>[0]>;

/**
 * Cloud KMS: each data key is wrapped by `encrypt` under the primary version, with the context as additional
 * authenticated data. Checksums are checked in both directions:
 * https://cloud.google.com/kms/docs/data-integrity-guidelines. Only `keyName` ever opens, whatever a sealed value names.
 */
export function kmsKeys({ keyName, clientOptions = {}, timeoutMilliseconds = 10_000 }: KmsKeysOptions): Keys {
  let opening: Promise<KeyManagementServiceClient> | undefined;

  // Imported at the first use: the client costs 150 ms of a cold start. A failed build is forgotten.
  const client = (): Promise<KeyManagementServiceClient> => {
    opening ??= openClient(clientOptions).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };

  const key = async (): Promise<KmsKey> => ({ kms: await client(), keyName, call: { timeout: timeoutMilliseconds } });

  return envelopeKeys({
    async wrap(dataKey, additionalData) {
      return encrypt(await key(), dataKey, additionalData).catch(unavailable);
    },
    async unwrap(wrapped, additionalData) {
      if (wrapped.keyName !== keyName) throw unreadable("wrapped by another key");
      const ciphertext = strictBase64(wrapped.wrappedKey);
      return decrypt(await key(), ciphertext, additionalData).catch(refusedOrUnavailable);
    },
  });
}

async function openClient(clientOptions: KmsClientOptions): Promise<KeyManagementServiceClient> {
  // A CommonJS package in a bundle has no names but `default`.
  const { default: kms } = await import("@google-cloud/kms");
  return new kms.KeyManagementServiceClient(clientOptions);
}

interface KmsKey {
  kms: KeyManagementServiceClient;
  keyName: string;
  call: { timeout: number };
}

async function encrypt(
  { kms, keyName, call }: KmsKey,
  key: Uint8Array,
  additionalData: Uint8Array,
): Promise<WrappedKey> {
  const request = {
    name: keyName,
    plaintext: key,
    plaintextCrc32c: { value: crc32c(key) },
    additionalAuthenticatedData: additionalData,
    additionalAuthenticatedDataCrc32c: { value: crc32c(additionalData) },
  };
  const [answer] = await kms.encrypt(request, call);
  const ciphertext = asBytes(answer.ciphertext);
  const isWhole = answer.verifiedPlaintextCrc32c === true && answer.verifiedAdditionalAuthenticatedDataCrc32c === true;
  if (!isWhole || !isChecksumOf(answer.ciphertextCrc32c, ciphertext)) throw corrupted();
  if (answer.name?.startsWith(`${keyName}/cryptoKeyVersions/`) !== true) throw corrupted();
  return { wrappedKey: ciphertext.toString("base64"), keyName, keyVersion: answer.name };
}

async function decrypt(
  { kms, keyName, call }: KmsKey,
  ciphertext: Buffer,
  additionalData: Uint8Array,
): Promise<Buffer> {
  const request = {
    name: keyName,
    ciphertext,
    ciphertextCrc32c: { value: crc32c(ciphertext) },
    additionalAuthenticatedData: additionalData,
    additionalAuthenticatedDataCrc32c: { value: crc32c(additionalData) },
  };
  const [answer] = await kms.decrypt(request, call);
  const key = asBytes(answer.plaintext);
  if (!isChecksumOf(answer.plaintextCrc32c, key)) throw corrupted();
  return key;
}

/** The very bytes of the answer, not a copy, so that zeroing them leaves none behind. */
function asBytes(value: Uint8Array | string | null | undefined): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return Buffer.from(value ?? "", "base64");
}

/** The client gives the 64-bit value as number, text or Long, by transport. */
function isChecksumOf(checksum: { value?: unknown } | null | undefined, bytes: Uint8Array): boolean {
  return String(checksum?.value) === String(crc32c(bytes));
}

function corrupted(): AppError {
  return new AppError("KEYS_UNAVAILABLE", "The key service's checksums do not match: bytes were damaged on the way.", {
    retryable: true,
  });
}

function unavailable(cause: unknown): never {
  if (cause instanceof AppError) throw cause;
  throw new AppError("KEYS_UNAVAILABLE", "The key service did not answer as it should.", { retryable: true, cause });
}

/** INVALID_ARGUMENT, FAILED_PRECONDITION (key version disabled or destroyed), and what both are over REST. */
const refusals: readonly unknown[] = [3, 9, 400];

function refusedOrUnavailable(error: unknown): never {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // A request that was damaged on the way is refused as an invalid argument too, but is worth another try.
  const isDamaged = /crc32c|checksum/i.test(String(message));
  if (!isDamaged && refusals.includes(code))
    throw unreadable("the key service refuses it, or its key version is disabled", error);
  return unavailable(error);
}
