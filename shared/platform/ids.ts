import { ulid } from "ulid";

/** Makes `<prefix>_<ULID>`: unique, sortable by creation time. */
export interface Ids {
  newId(prefix: string): string;
}

export const systemIds: Ids = { newId: (prefix) => `${prefix}_${ulid()}` };
