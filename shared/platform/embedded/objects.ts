import { join } from "node:path";
import type { Configuration } from "#shared/runtime/config.ts";
import { folderObjects } from "../objects/folder-objects.ts";
import type { Objects } from "../objects/objects.ts";

/** Files in `objects/` below the data folder. */
export async function open(config: Configuration): Promise<Objects> {
  return folderObjects({ folder: join(config.CA_DATA_DIR, "objects") });
}
