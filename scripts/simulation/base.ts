import { recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { type DeclaredQueries, declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { JsonObject } from "#shared/platform/documents/document-rules.ts";
import type { Keys, Sealed } from "#shared/platform/keys/keys.ts";
import type { Configuration } from "#shared/runtime/config.ts";

/** An organization with a connected provider, as every simulation finds it. */
export interface SimulationBase {
  org: OrgIdentity;
  /** By path. */
  documents: ReadonlyMap<string, JsonObject>;
  declared: DeclaredQueries;
  config: Configuration;
  keys: Keys;
}

/** Two runs at once and six a day: small enough for simulations to meet the limits. */
export const limits = { plan: "STARTER", concurrent: 2 } as const;

/** Makes the organization once, with the real adapters, and keeps what it left in the documents. */
export async function simulationBase(): Promise<SimulationBase> {
  const world = await startWorld({ now: "2026-08-09T12:00:00Z" });
  const recorded = recordedDocuments(world.ports.documents);
  world.ports.documents = recorded;
  const { org } = await world.onboarded("simulated", limits.plan);
  await world.connected(org, "simulated1");
  const documents = [...recorded.stored].filter(([path]) => !path.startsWith("outbox/"));
  const opened = new Map<string, Uint8Array>();
  for (const path of recorded.stored.keys())
    await openedAt(path, recorded.stored.get(path) ?? {}, world.ports.keys, opened);
  const declared = declareQueries(await configFile("documents/indexes.yml"));
  await world.stop();
  return {
    org,
    documents: new Map(documents as [string, JsonObject][]),
    declared,
    config: world.ports.config,
    keys: rememberedKeys(opened),
  };
}

/** The organization's key is opened once: what the key service answers is not what is simulated. */
async function openedAt(path: string, body: object, keys: Keys, opened: Map<string, Uint8Array>): Promise<void> {
  if (!path.startsWith("orgKeys/")) return;
  const { wrappingKey } = body as { wrappingKey: Sealed };
  const orgId = path.slice("orgKeys/".length);
  opened.set(wrappingKey.ciphertext, await keys.open(wrappingKey, `v1|${orgId}|wrapping-key`));
}

function rememberedKeys(opened: ReadonlyMap<string, Uint8Array>): Keys {
  const refuse = async (): Promise<never> => {
    throw new Error("the simulation seals nothing");
  };
  return {
    seal: refuse,
    rewrap: refuse,
    open: async ({ ciphertext }) => {
      const key = opened.get(ciphertext);
      if (key === undefined) throw new Error("the simulation was asked for an unknown key");
      return Uint8Array.from(key);
    },
  };
}
