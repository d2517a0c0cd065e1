import { join } from "node:path";
import type { Configuration } from "#shared/runtime/config.ts";
import { systemClock } from "../clock.ts";
import { configFile } from "../config-files.ts";
import { declareQueries } from "../documents/declared-queries.ts";
import type { Documents } from "../documents/documents.ts";
import { sqliteDocuments } from "../documents/sqlite-documents.ts";

/** SQLite in `documents.sqlite` below the data folder. */
export async function open(config: Configuration, clock = systemClock): Promise<Documents> {
  return sqliteDocuments({
    file: join(config.CA_DATA_DIR, "documents.sqlite"),
    clock,
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
}
