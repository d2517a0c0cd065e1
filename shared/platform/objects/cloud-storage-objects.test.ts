import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CloudStorageDouble, startCloudStorageDouble } from "./cloud-storage-double.ts";
import { cloudStorageObjects } from "./cloud-storage-objects.ts";
import { objectsContract } from "./objects.contract.ts";

const objectsOf = ({ bucket, url }: CloudStorageDouble) =>
  cloudStorageObjects({ bucket, projectId: "double", apiEndpoint: url, retries: 0 });

objectsContract(async () => {
  const double = await startCloudStorageDouble({ largestPage: 3 });
  return { objects: objectsOf(double), close: () => double.close() };
});

describe("Cloud Storage objects", () => {
  let double: CloudStorageDouble;
  beforeEach(async () => {
    double = await startCloudStorageDouble();
  });
  afterEach(async () => {
    await double.close();
  });

  const unavailable = { name: "AppError", code: "OBJECTS_UNAVAILABLE", retryable: true };
  const old = Buffer.from("old");

  it("keeps the old object when the new bytes are damaged on the way up", async () => {
    const objects = objectsOf(double);
    await objects.put("a", old);
    double.setFault("damage-uploads");

    await expect(objects.put("a", Buffer.from("new"))).rejects.toMatchObject(unavailable);

    double.setFault("none");
    expect(Buffer.from((await objects.get("a")) ?? []).toString()).toBe("old");
  });

  it("does not give out bytes that were damaged on the way down", async () => {
    const objects = objectsOf(double);
    await objects.put("a", old);
    double.setFault("damage");

    await expect(objects.get("a")).rejects.toMatchObject(unavailable);
  });

  it("repeats a call that met a passing failure", async () => {
    const objects = cloudStorageObjects({ bucket: double.bucket, projectId: "double", apiEndpoint: double.url });
    double.setFault("hiccup");
    await objects.put("a", old);
    double.setFault("hiccup");

    expect(Buffer.from((await objects.get("a")) ?? []).toString()).toBe("old");
  });

  it("is unavailable, not empty, when the service fails", async () => {
    const objects = objectsOf(double);
    await objects.put("a", old);
    double.setFault("unavailable");

    await expect(objects.get("a")).rejects.toMatchObject(unavailable);
    await expect(objects.getRange("a", 0, 2)).rejects.toMatchObject(unavailable);
    await expect(objects.put("a", old)).rejects.toMatchObject(unavailable);
    await expect(objects.list("")).rejects.toMatchObject(unavailable);
    await expect(objects.delete("a")).rejects.toMatchObject(unavailable);
  });

  it("is unavailable, not empty, when the bucket is missing or nothing listens", async () => {
    const missing = cloudStorageObjects({
      bucket: "missing",
      projectId: "double",
      apiEndpoint: double.url,
      retries: 0,
    });

    await expect(missing.get("a")).rejects.toMatchObject(unavailable);
    await expect(missing.delete("a")).rejects.toMatchObject(unavailable);
    await expect(missing.list("")).rejects.toMatchObject(unavailable);
    await double.close();
    await expect(objectsOf(double).get("a")).rejects.toMatchObject(unavailable);
  });
});

describe("Cloud Storage double", () => {
  it.each([
    ["md5Hash", "AAAAAAAAAAAAAAAAAAAAAA=="],
    ["crc32c", "AAAAAA=="],
  ])("refuses an upload whose %s is wrong and stores nothing", async (field, value) => {
    const double = await startCloudStorageDouble();
    const metadata = JSON.stringify({ name: "a", [field]: value });
    const body = `--b\r\nContent-Type: application/json\r\n\r\n${metadata}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--`;
    const headers = { "content-type": "multipart/related; boundary=b" };

    const answer = await fetch(`${double.url}/upload/storage/v1/b/${double.bucket}/o?uploadType=multipart`, {
      method: "POST",
      headers,
      body,
    });

    expect(answer.status).toBe(400);
    expect(await objectsOf(double).get("a")).toBeUndefined();
    await double.close();
  });

  // The check value of CRC-32C of "123456789", 0xe3069283, big-endian in base64.
  it("names the checksums of an object as the service does", async () => {
    const double = await startCloudStorageDouble();
    await objectsOf(double).put("a", Buffer.from("123456789"));

    const answer = await fetch(`${double.url}/storage/v1/b/${double.bucket}/o/a`);

    expect(await answer.json()).toMatchObject({
      name: "a",
      size: "9",
      crc32c: "4waSgw==",
      md5Hash: "JfnnlDI7RTiF9RgfG2JNCw==",
    });
    await double.close();
  });
});
