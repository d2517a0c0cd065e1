import { join } from "node:path";
import type { Configuration } from "#shared/runtime/config.ts";
import { parquetWarehouse } from "../warehouse/parquet-warehouse.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

/** Parquet files in `warehouse/` below the data folder. */
export async function open(config: Configuration): Promise<Warehouse> {
  return parquetWarehouse({ folder: join(config.CA_DATA_DIR, "warehouse") });
}
