import { readSummary } from "#shared/costs/read-summary.ts";
import { open as openDocuments } from "#shared/platform/embedded/documents.ts";
import { open as openWarehouse } from "#shared/platform/embedded/warehouse.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { askedQuery, readClock, yearOrg } from "./year-question.ts";

// A new process with the year's batches present: prints the summary as one line of JSON.
const config = await readConfiguration({ ENVIRONMENT: "test", CA_DATA_DIR: process.argv[2] });
const [documents, warehouse] = await Promise.all([openDocuments(config), openWarehouse(config)]);
const answer = await readSummary(
  { org: yearOrg, query: askedQuery },
  { documents, warehouse, config, clock: readClock },
);
process.stdout.write(`${JSON.stringify(answer)}\n`);
await documents.close();
