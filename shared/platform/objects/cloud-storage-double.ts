import { createHash } from "node:crypto";
import { crc32c } from "../keys/crc32c.ts";
import { json, type LoopbackAnswer, type LoopbackRequest, startLoopbackServer } from "../loopback/loopback-server.ts";

/** `hiccup` fails one request; `damage` changes the first byte of downloads; `damage-uploads` that of uploads, before they are checked. */
type CloudStorageFault = "none" | "unavailable" | "hiccup" | "damage" | "damage-uploads";

export interface CloudStorageDouble {
  bucket: string;
  url: string;
  setFault(fault: CloudStorageFault): void;
  close(): Promise<void>;
}

interface Stored {
  bytes: Buffer;
  contentType: string;
}

interface State {
  bucket: string;
  objects: Map<string, Stored>;
  fault: CloudStorageFault;
  largestPage: number;
}

/**
 * A loopback double of the JSON API of Cloud Storage for one bucket: multipart upload, download, list, delete. It refuses
 * wrong checksums before it stores anything, and lists in pages in order of UTF-8:
 * https://cloud.google.com/storage/docs/json_api/v1/objects. `largestPage` is smaller than Google's 1,000 to page sooner.
 */
export async function startCloudStorageDouble(options: { largestPage?: number } = {}): Promise<CloudStorageDouble> {
  const state: State = {
    bucket: "double-bucket",
    objects: new Map(),
    fault: "none",
    largestPage: options.largestPage ?? 1000,
  };
  const server = await startLoopbackServer((request) => {
    const isDown = state.fault === "unavailable" || state.fault === "hiccup";
    if (state.fault === "hiccup") state.fault = "none";
    return isDown ? problem(503, "Backend Error") : answer(state, request);
  });
  return {
    bucket: state.bucket,
    url: server.url,
    setFault(fault) {
      state.fault = fault;
    },
    close: () => server.close(),
  };
}

function answer(state: State, request: LoopbackRequest): LoopbackAnswer {
  const match = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(request.path);
  if (match === null) return problem(404, "Not Found");
  if (decodeURIComponent(match[2] ?? "") !== state.bucket) return problem(404, "The specified bucket does not exist.");
  const name = match[3] === undefined ? undefined : decodeURIComponent(match[3]);
  const operation = `${request.method} ${match[1] === undefined ? "" : "upload "}${name === undefined ? "bucket" : "object"}`;
  switch (operation) {
    case "POST upload bucket":
      return upload(state, request);
    case "GET bucket":
      return list(state, request.query);
    case "GET object":
      return download(state, name ?? "", request);
    case "DELETE object":
      return state.objects.delete(name ?? "") ? { status: 204 } : absent(state, name ?? "");
    default:
      return problem(405, "Method Not Allowed");
  }
}

interface UploadMetadata {
  name?: string;
  contentType?: string;
  md5Hash?: string;
  crc32c?: string;
}

function upload(state: State, request: LoopbackRequest): LoopbackAnswer {
  const parts = readMultipart(request);
  if (parts === undefined || request.query.get("uploadType") !== "multipart") return problem(400, "Bad Request");
  const metadata = JSON.parse(parts.metadata) as UploadMetadata;
  const bytes = state.fault === "damage-uploads" ? flipped(parts.media) : parts.media;
  const name = request.query.get("name") ?? metadata.name;
  if (name === undefined) return problem(400, "Required parameter: name");
  const { md5Hash, crc32c: checksum } = hashesOf(bytes);
  if (metadata.md5Hash !== undefined && metadata.md5Hash !== md5Hash) {
    return problem(400, `Provided MD5 hash "${metadata.md5Hash}" doesn't match calculated MD5 hash "${md5Hash}".`);
  }
  if (metadata.crc32c !== undefined && metadata.crc32c !== checksum) {
    return problem(400, `Provided CRC32C "${metadata.crc32c}" doesn't match calculated CRC32C "${checksum}".`);
  }
  const stored = { bytes, contentType: metadata.contentType ?? "application/octet-stream" };
  state.objects.set(name, stored);
  return json(200, describe(state, name, stored));
}

/** multipart/related with two parts, JSON and media: https://cloud.google.com/storage/docs/uploading-objects */
function readMultipart({ headers, body }: LoopbackRequest): { metadata: string; media: Buffer } | undefined {
  const boundary = /^multipart\/related;\s*boundary="?([^";]+)"?/.exec(headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) return undefined;
  const blank = "\r\n\r\n";
  const metadataStart = body.indexOf(blank) + blank.length;
  const metadataEnd = body.indexOf(`\r\n--${boundary}`, metadataStart);
  const mediaStart = body.indexOf(blank, metadataEnd) + blank.length;
  const mediaEnd = body.lastIndexOf(`\r\n--${boundary}--`);
  if (metadataEnd < metadataStart || mediaEnd < mediaStart) return undefined;
  return {
    metadata: body.toString("utf8", metadataStart, metadataEnd),
    media: Buffer.from(body.subarray(mediaStart, mediaEnd)),
  };
}

function download(state: State, name: string, { query, headers: asked }: LoopbackRequest): LoopbackAnswer {
  const stored = state.objects.get(name);
  if (stored === undefined) return absent(state, name);
  if (query.get("alt") !== "media") return json(200, describe(state, name, stored));
  const { md5Hash, crc32c: checksum } = hashesOf(stored.bytes);
  const headers = {
    "content-type": stored.contentType,
    "x-goog-hash": `crc32c=${checksum},md5=${md5Hash}`,
    // Without it the client checks no checksum.
    "x-goog-stored-content-encoding": "identity",
  };
  const bytes = state.fault === "damage" ? flipped(stored.bytes) : stored.bytes;
  const range = /^bytes=(\d+)-(\d+)$/.exec(asked["range"] ?? "");
  return range === null ? { status: 200, headers, body: bytes } : partOf(bytes, Number(range[1]), Number(range[2]));
}

/** RFC 9110, 14: the last byte is included, and a range that begins behind the end cannot be satisfied. */
function partOf(bytes: Buffer, first: number, last: number): LoopbackAnswer {
  if (first >= bytes.length) return problem(416, "The requested range cannot be satisfied.");
  const body = bytes.subarray(first, last + 1);
  const range = `bytes ${first}-${first + body.length - 1}/${bytes.length}`;
  return { status: 206, headers: { "content-range": range }, body };
}

function list(state: State, query: URLSearchParams): LoopbackAnswer {
  const start = query.get("pageToken") ?? query.get("startOffset") ?? "";
  const size = Math.min(Number(query.get("maxResults") ?? state.largestPage), state.largestPage);
  const names = [...state.objects.keys()]
    .filter((name) => name.startsWith(query.get("prefix") ?? "") && compareUtf8(name, start) >= 0)
    .sort(compareUtf8);
  const next = names[size];
  const items = names.slice(0, size).map((name) => ({ name }));
  return json(200, { kind: "storage#objects", items, ...(next === undefined ? {} : { nextPageToken: next }) });
}

function describe(state: State, name: string, stored: Stored): Record<string, string> {
  const { bytes, contentType } = stored;
  return {
    kind: "storage#object",
    bucket: state.bucket,
    name,
    contentType,
    size: String(bytes.length),
    ...hashesOf(bytes),
  };
}

function hashesOf(bytes: Buffer): { md5Hash: string; crc32c: string } {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32c(bytes));
  return { md5Hash: createHash("md5").update(bytes).digest("base64"), crc32c: checksum.toString("base64") };
}

function compareUtf8(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed[0] = (changed[0] ?? 0) ^ 1;
  return changed;
}

function absent(state: State, name: string): LoopbackAnswer {
  return problem(404, `No such object: ${state.bucket}/${name}`);
}

function problem(code: number, message: string): LoopbackAnswer {
  return json(code, { error: { code, message, errors: [{ message, domain: "global" }] } });
}
