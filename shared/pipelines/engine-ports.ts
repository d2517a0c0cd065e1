import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";

/** What a processor works with. */
export type EnginePorts = {
  documents: Documents;
  topics: Topics;
  warehouse: Warehouse;
  keys: Keys;
  /** Only for processors that read files. */
  objects?: Objects;
} & Surroundings;
