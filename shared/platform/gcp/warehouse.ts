import type { Configuration } from "#shared/runtime/config.ts";
import { bigqueryWarehouse } from "../warehouse/bigquery-warehouse.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { loopbackClient } from "./loopback-client.ts";
import { needed } from "./needed-setting.ts";

/** BigQuery; `BIGQUERY_ENDPOINT` leads to a double on this machine. */
export async function open(config: Configuration): Promise<Warehouse> {
  const endpoint = config.BIGQUERY_ENDPOINT;
  return bigqueryWarehouse({
    projectId: needed(config, "GCP_PROJECT_ID", "the project whose BigQuery holds the analytics"),
    location: config.DATASET_LOCATION,
    ...(endpoint === undefined ? {} : { apiEndpoint: endpoint, authClient: await loopbackClient() }),
  });
}
