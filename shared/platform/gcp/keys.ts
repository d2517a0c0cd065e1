import type { Configuration } from "#shared/runtime/config.ts";
import type { Keys } from "../keys/keys.ts";
import { kmsKeys } from "../keys/kms-keys.ts";
import { kmsLoopbackOptions } from "../keys/kms-loopback.ts";
import { needed } from "./needed-setting.ts";

/** Cloud KMS; `KMS_ENDPOINT` leads to a double on this machine. */
export async function open(config: Configuration): Promise<Keys> {
  const endpoint = config.KMS_ENDPOINT;
  return kmsKeys({
    keyName: needed(config, "KMS_KEY_NAME", "the key that wraps what is sealed"),
    ...(endpoint === undefined ? {} : { clientOptions: kmsLoopbackOptions(endpoint) }),
  });
}
