import { randomBytes } from "node:crypto";
import { json, type LoopbackAnswer, type LoopbackRequest, startLoopbackServer } from "../loopback/loopback-server.ts";
import { decryptGcm, encryptGcm, joinGcm, splitGcm } from "./aes-gcm.ts";
import { crc32c } from "./crc32c.ts";
import type { KmsClientOptions } from "./kms-keys.ts";
import { kmsLoopbackOptions } from "./kms-loopback.ts";

/** `damage` changes the first byte of the answer's bytes; `unverified` says that no request checksum arrived. */
export type KmsFault = "none" | "unavailable" | "damage" | "wrong-checksum" | "unverified" | "checksum-refused";

export interface KmsDouble {
  keyName: string;
  url: string;
  clientOptions: KmsClientOptions;
  /** New primary version; returns its full name. */
  rotate(): string;
  disable(versionName: string): void;
  setFault(fault: KmsFault): void;
  close(): Promise<void>;
}

interface Version {
  name: string;
  key: Buffer;
  isEnabled: boolean;
}

const keyName = "projects/double/locations/global/keyRings/cost-atlas/cryptoKeys/integrations";
/** For software keys: https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/encrypt */
const maximumBytes = 64 * 1024;
const softwareLevel = 1;

/**
 * A loopback double of Cloud KMS's REST API for one symmetric key: encrypt, decrypt, getCryptoKey. It enforces what Google
 * documents: size limits, additional data, checksums, disabled versions (`google-limits.md` 6).
 */
export async function startKmsDouble(): Promise<KmsDouble> {
  const versions: Version[] = [];
  let fault: KmsFault = "none";

  function rotate(): string {
    const name = `${keyName}/cryptoKeyVersions/${versions.length + 1}`;
    versions.push({ name, key: randomBytes(32), isEnabled: true });
    return name;
  }

  rotate();
  const server = await startLoopbackServer((request) => {
    if (fault === "unavailable") return problem(503, "UNAVAILABLE", "The service is currently unavailable.");
    if (fault === "checksum-refused")
      return problem(400, "INVALID_ARGUMENT", "The checksum in field ciphertext_crc32c did not match.");
    try {
      return damaged(answer(request, versions), fault);
    } catch (error) {
      if (error instanceof Refusal) return problem(error.status, error.reason, error.message);
      throw error;
    }
  });

  return {
    keyName,
    url: server.url,
    clientOptions: kmsLoopbackOptions(server.url),
    rotate,
    disable(versionName) {
      for (const version of versions) if (version.name === versionName) version.isEnabled = false;
    },
    setFault(next) {
      fault = next;
    },
    close: () => server.close(),
  };
}

type Json = Record<string, unknown>;

function answer(request: LoopbackRequest, versions: Version[]): Json {
  const [name, verb] = decodeURIComponent(request.path)
    .replace(/^\/v1\//, "")
    .split(":", 2);
  if (name !== keyName) throw new Refusal(404, "NOT_FOUND", `CryptoKey ${name} not found.`);
  if (request.method === "GET" && verb === undefined) return { name, primary: { name: primaryOf(versions).name } };
  const body = JSON.parse(request.body.toString("utf8")) as Json;
  if (request.method === "POST" && verb === "encrypt") return encrypt(body, primaryOf(versions));
  if (request.method === "POST" && verb === "decrypt") return decrypt(body, versions);
  throw new Refusal(404, "NOT_FOUND", "No such method.");
}

function encrypt(body: Json, primary: Version): Json {
  const plaintext = field(body, "plaintext");
  const additionalData = field(body, "additionalAuthenticatedData");
  refuseUnlessEnabled(primary);
  const number = Buffer.alloc(4);
  number.writeUInt32BE(Number(primary.name.split("/").at(-1)));
  const ciphertext = Buffer.concat([number, joinGcm(encryptGcm(primary.key, plaintext, additionalData))]);
  return {
    name: primary.name,
    ciphertext: ciphertext.toString("base64"),
    ciphertextCrc32c: String(crc32c(ciphertext)),
    verifiedPlaintextCrc32c: body["plaintextCrc32c"] !== undefined,
    verifiedAdditionalAuthenticatedDataCrc32c: body["additionalAuthenticatedDataCrc32c"] !== undefined,
    protectionLevel: softwareLevel,
  };
}

function decrypt(body: Json, versions: Version[]): Json {
  const ciphertext = field(body, "ciphertext", 2 * maximumBytes);
  const additionalData = field(body, "additionalAuthenticatedData");
  const version = ciphertext.length < 4 ? undefined : versions[ciphertext.readUInt32BE(0) - 1];
  if (version === undefined) throw invalid("Decryption failed: the ciphertext is invalid.");
  refuseUnlessEnabled(version);
  const plaintext = decrypted(version, ciphertext.subarray(4), additionalData);
  const usedPrimary = version === primaryOf(versions);
  return {
    plaintext: plaintext.toString("base64"),
    plaintextCrc32c: String(crc32c(plaintext)),
    usedPrimary,
    protectionLevel: softwareLevel,
  };
}

function decrypted(version: Version, ciphertext: Buffer, additionalData: Buffer): Buffer {
  try {
    return decryptGcm(version.key, splitGcm(ciphertext), additionalData);
  } catch {
    throw invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.");
  }
}

/** A bytes field, checked against its size limit and, where it came with one, against its checksum. */
function field(body: Json, name: string, limit = maximumBytes): Buffer {
  const bytes = Buffer.from(String(body[name] ?? ""), "base64");
  if (bytes.length > limit) throw invalid(`The ${name} field is too large: its maximum length is ${limit} bytes.`);
  const checksum = body[`${name}Crc32c`];
  if (checksum !== undefined && String(checksum) !== String(crc32c(bytes)))
    throw invalid(`The checksum in field ${name}_crc32c did not match.`);
  return bytes;
}

function primaryOf(versions: Version[]): Version {
  const primary = versions.at(-1);
  if (primary === undefined) throw new Refusal(400, "FAILED_PRECONDITION", "The key has no primary version.");
  return primary;
}

function refuseUnlessEnabled(version: Version): void {
  if (!version.isEnabled)
    throw new Refusal(400, "FAILED_PRECONDITION", `${version.name} is not enabled, current state is: DISABLED.`);
}

function damaged(body: Json, fault: KmsFault): LoopbackAnswer {
  const changed = { ...body };
  for (const name of ["ciphertext", "plaintext"]) {
    const bytes = Buffer.from(String(body[name] ?? ""), "base64");
    if (bytes.length === 0) continue;
    if (fault === "wrong-checksum") changed[`${name}Crc32c`] = String((crc32c(bytes) ^ 1) >>> 0);
    if (fault !== "damage") continue;
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    changed[name] = bytes.toString("base64");
  }
  if (fault === "unverified") changed["verifiedAdditionalAuthenticatedDataCrc32c"] = false;
  return json(200, changed);
}

class Refusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

function invalid(message: string): Refusal {
  return new Refusal(400, "INVALID_ARGUMENT", message);
}

function problem(code: number, status: string, message: string): LoopbackAnswer {
  return json(code, { error: { code, status, message } });
}
