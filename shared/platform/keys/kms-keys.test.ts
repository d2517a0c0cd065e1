import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keysContract } from "./keys.contract.ts";
import { type KmsDouble, type KmsFault, startKmsDouble } from "./kms-double.ts";
import { kmsKeys } from "./kms-keys.ts";
import { kmsLoopbackOptions } from "./kms-loopback.ts";

const unavailable = { name: "AppError", code: "KEYS_UNAVAILABLE", retryable: true };

keysContract(async () => {
  const double = await startKmsDouble();
  const { keyName, clientOptions } = double;
  return {
    keys: kmsKeys({ keyName, clientOptions, timeoutMilliseconds: 2000 }),
    rotate: async () => void double.rotate(),
    disablePrevious: async () => double.disable(`${keyName}/cryptoKeyVersions/1`),
    cutOff: () => double.close(),
    close: () => double.close(),
  };
});

describe("KMS keys", () => {
  let double: KmsDouble;
  beforeEach(async () => {
    double = await startKmsDouble();
  });
  afterEach(async () => {
    await double.close();
  });

  const keysOf = ({ keyName, clientOptions }: KmsDouble) =>
    kmsKeys({ keyName, clientOptions, timeoutMilliseconds: 300 });
  const secret = Buffer.from("sk-secret");

  it.each(["unavailable", "damage", "wrong-checksum", "unverified"] as const)(
    "does not believe a seal when the service is at fault: %s",
    async (fault) => {
      double.setFault(fault);

      await expect(keysOf(double).seal(secret, "c")).rejects.toMatchObject(unavailable);
    },
  );

  it.each(["unavailable", "damage", "wrong-checksum", "checksum-refused"] as KmsFault[])(
    "does not call a value unreadable when the service is at fault: %s",
    async (fault) => {
      const keys = keysOf(double);
      const sealed = await keys.seal(secret, "c");
      double.setFault(fault);

      await expect(keys.open(sealed, "c")).rejects.toMatchObject(unavailable);

      double.setFault("none");
      expect(Buffer.from(await keys.open(sealed, "c"))).toEqual(secret);
    },
  );

  it("seals under the version that the service names", async () => {
    const keys = keysOf(double);
    const first = await keys.seal(secret, "c");
    const version = double.rotate();
    const second = await keys.seal(secret, "c");

    expect([first.keyName, first.keyVersion]).toEqual([double.keyName, `${double.keyName}/cryptoKeyVersions/1`]);
    expect(second.keyVersion).toBe(version);
  });

  it("cannot seal while the primary version is disabled, and loses nothing", async () => {
    const keys = keysOf(double);
    const sealed = await keys.seal(secret, "c");
    double.rotate();
    double.disable(`${double.keyName}/cryptoKeyVersions/2`);

    await expect(keys.seal(secret, "c")).rejects.toMatchObject(unavailable);
    await expect(keys.rewrap(sealed, "c")).rejects.toMatchObject(unavailable);
    expect(Buffer.from(await keys.open(sealed, "c"))).toEqual(secret);
  });

  it("is unavailable when the key is not there", async () => {
    const keys = kmsKeys({
      keyName: `${double.keyName}-missing`,
      clientOptions: double.clientOptions,
      timeoutMilliseconds: 300,
    });

    await expect(keys.seal(secret, "c")).rejects.toMatchObject(unavailable);
  });

  it("cannot take a context above the service's 64 KiB", async () => {
    const keys = keysOf(double);

    await expect(keys.seal(secret, "x".repeat(64 * 1024))).resolves.toBeDefined();
    await expect(keys.seal(secret, "x".repeat(64 * 1024 + 1))).rejects.toMatchObject(unavailable);
  });

  it.each(["https://127.0.0.1:1", "http://localhost:1", "http://10.0.0.1:1", "http://127.0.0.1.example.com"])(
    "sends data keys in the clear to no host but loopback: %s",
    (url) => {
      expect(() => kmsLoopbackOptions(url)).toThrow("not a loopback address");
    },
  );
});

describe("KMS double", () => {
  let double: KmsDouble;
  beforeEach(async () => {
    double = await startKmsDouble();
  });
  afterEach(async () => {
    await double.close();
  });

  const call = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${double.url}/v1/${double.keyName}${path}`, init);
    return {
      status: answer.status,
      body: (await answer.json()) as Record<string, unknown> & { error?: { status: string } },
    };
  };
  const bytes = (length: number): string => Buffer.alloc(length, 7).toString("base64");

  it("names the primary version", async () => {
    const version = double.rotate();

    expect(await call("")).toEqual({ status: 200, body: { name: double.keyName, primary: { name: version } } });
  });

  it.each([
    ["a plaintext above 64 KiB", { plaintext: bytes(64 * 1024 + 1) }],
    ["additional data above 64 KiB", { plaintext: bytes(1), additionalAuthenticatedData: bytes(64 * 1024 + 1) }],
    ["a wrong checksum of the plaintext", { plaintext: bytes(1), plaintextCrc32c: "1" }],
    [
      "a wrong checksum of the additional data",
      { plaintext: bytes(1), additionalAuthenticatedData: bytes(1), additionalAuthenticatedDataCrc32c: "1" },
    ],
  ])("refuses to encrypt %s", async (_, body) => {
    expect(await call(":encrypt", body)).toMatchObject({
      status: 400,
      body: { error: { status: "INVALID_ARGUMENT" } },
    });
  });

  it("decrypts only with the additional data of the encryption", async () => {
    const { body } = await call(":encrypt", { plaintext: bytes(3), additionalAuthenticatedData: bytes(5) });
    const { ciphertext } = body;

    expect(await call(":decrypt", { ciphertext, additionalAuthenticatedData: bytes(5) })).toMatchObject({
      status: 200,
      body: { plaintext: bytes(3) },
    });
    expect((await call(":decrypt", { ciphertext })).status).toBe(400);
  });
});
