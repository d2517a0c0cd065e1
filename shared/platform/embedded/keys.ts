import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Configuration, isDevelopment } from "#shared/runtime/config.ts";
import { createKeyRing } from "../keys/key-ring-file.ts";
import { keyRingKeys } from "../keys/key-ring-keys.ts";
import type { Keys } from "../keys/keys.ts";

/** The key ring `key-ring.json` in the data folder. Development makes one at first use; elsewhere the operator does. */
export async function open(config: Configuration): Promise<Keys> {
  const file = join(config.CA_DATA_DIR, "key-ring.json");
  if (isDevelopment(config)) {
    await mkdir(config.CA_DATA_DIR, { recursive: true, mode: 0o700 });
    await createKeyRing(file);
  }
  return keyRingKeys({ file });
}
