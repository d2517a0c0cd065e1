import { refused } from "./warehouse-errors.ts";

/** The label of a dataset that says whose it is: an `org_id`, or `platform`. */
export const DATASET_LABEL = "ca_org_id";

const LABEL_VALUE = /^[a-z0-9_-]{1,63}$/;
const ULID_ID = /^([a-z]+)_([0-9A-HJKMNP-TV-Z]{26})$/;
const STORED_ULID_ID = /^([a-z]+)_([0-9a-hjkmnp-tv-z]{26})$/;

/** BigQuery labels have no capitals, ULIDs have no small letters: ids are stored in small letters. */
export function storedLabel(label: string): string {
  const stored = ULID_ID.test(label) ? label.toLowerCase() : label;
  if (!LABEL_VALUE.test(stored)) throw refused("a dataset label must be an id or small letters, digits, _ and -");
  return stored;
}

/** The inverse of `storedLabel`. */
export function givenLabel(stored: string | undefined): string | undefined {
  const match = STORED_ULID_ID.exec(stored ?? "");
  return match ? `${match[1]}_${match[2]?.toUpperCase()}` : stored;
}
