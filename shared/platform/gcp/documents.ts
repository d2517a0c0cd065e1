import type { Configuration } from "#shared/runtime/config.ts";
import { configFile } from "../config-files.ts";
import { declareQueries } from "../documents/declared-queries.ts";
import type { Documents } from "../documents/documents.ts";
import { firestoreDocuments } from "../documents/firestore-documents.ts";
import { needed } from "./needed-setting.ts";

/** Firestore's default database of the project; `FIRESTORE_EMULATOR_HOST` leads to an emulator. */
export async function open(config: Configuration): Promise<Documents> {
  return firestoreDocuments({
    projectId: needed(config, "GCP_PROJECT_ID", "the project whose Firestore holds the state"),
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
}
