import { AppError } from "#shared/runtime/errors.ts";
import { envelopeKeys, type KeyWrapper, localWrapper, unreadable } from "./envelope.ts";
import { type KeyRing, keyRingRevision, readKeyRing } from "./key-ring-file.ts";
import type { Keys } from "./keys.ts";

/**
 * Keys from a key ring file: AES-256-GCM under the primary version; every version that is not disabled opens. A ring that
 * was rotated is seen at the next call. Throws as the port, and `KEY_RING_UNSAFE`, `KEY_RING_MALFORMED`.
 */
export function keyRingKeys(options: { file: string }): Keys {
  let loaded: { revision: string; ring: LoadedRing } | undefined;

  async function ring(): Promise<LoadedRing> {
    const revision = await keyRingRevision(options.file);
    if (loaded?.revision !== revision) loaded = { revision, ring: load(await readKeyRing(options.file)) };
    return loaded.ring;
  }

  return envelopeKeys({
    wrap: async (key, additionalData) => (await ring()).primary.wrap(key, additionalData),
    async unwrap(wrapped, additionalData) {
      const wrapper = (await ring()).byVersion.get(wrapped.keyVersion);
      if (wrapper === undefined) throw unreadable("its key version is not in the key ring or is disabled");
      return wrapper.unwrap(wrapped, additionalData);
    },
  });
}

interface LoadedRing {
  primary: KeyWrapper;
  byVersion: Map<string, KeyWrapper>;
}

function load({ name, primary, versions }: KeyRing): LoadedRing {
  const byVersion = new Map<string, KeyWrapper>();
  for (const { version, key, isDisabled } of versions) {
    if (isDisabled) continue;
    const keyVersion = versionName(name, version);
    byVersion.set(keyVersion, localWrapper({ key: Buffer.from(key, "base64"), keyName: name, keyVersion }));
  }
  const wrapper = byVersion.get(versionName(name, primary));
  if (wrapper === undefined) throw new AppError("KEY_RING_MALFORMED", "The key ring has no primary version.");
  return { primary: wrapper, byVersion };
}

function versionName(name: string, version: string): string {
  return `${name}/versions/${version}`;
}
