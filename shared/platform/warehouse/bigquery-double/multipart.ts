import { invalid } from "./rest-error.ts";

/** The two parts of a `multipart/related` upload: the job's JSON and the bytes of its rows. */
export function uploadParts(contentType: string, body: Buffer): { metadata: unknown; content: string } {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!contentType.startsWith("multipart/related") || !boundary) throw invalid("not a multipart/related upload");
  const parts = body
    .toString("utf8")
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => part.slice(part.indexOf("\r\n\r\n") + 4).replace(/\r\n$/, ""));
  const [metadata, content] = parts;
  if (parts.length !== 2 || metadata === undefined || content === undefined) throw invalid("an upload has two parts");
  return { metadata: JSON.parse(metadata), content };
}
