import { AppError } from "#shared/runtime/errors.ts";

const maximumNameBytes = 500;
/** What a file system takes as one name. */
const maximumSegmentBytes = 255;
const segment = /^[A-Za-z0-9._~=-]+$/;

/** Throws `OBJECT_NAME_INVALID` unless the name is one that every adapter can hold; `.` and `..` are no segments. */
export function checkObjectName(name: string): void {
  if (name.length > maximumNameBytes || !name.split("/").every(isSegment)) throw invalid(name);
}

/** A prefix is the beginning of a name: whole segments, then the beginning of one, or nothing. */
export function checkObjectPrefix(prefix: string): void {
  const folders = prefix.split("/");
  const beginning = folders.pop() ?? "";
  const isBeginning = beginning === "" || (segment.test(beginning) && beginning.length <= maximumSegmentBytes);
  if (prefix.length > maximumNameBytes || !isBeginning || !folders.every(isSegment)) throw invalid(prefix);
}

function isSegment(text: string): boolean {
  return segment.test(text) && text.length <= maximumSegmentBytes && text !== "." && text !== "..";
}

function invalid(name: string): AppError {
  return new AppError(
    "OBJECT_NAME_INVALID",
    `Not a name for an object: ${JSON.stringify(name.slice(0, maximumNameBytes))}.`,
  );
}
