import type { Configuration } from "#shared/runtime/config.ts";
import { cloudStorageObjects } from "../objects/cloud-storage-objects.ts";
import type { Objects } from "../objects/objects.ts";
import { needed } from "./needed-setting.ts";

/** One Cloud Storage bucket; `STORAGE_ENDPOINT` leads to a double on this machine. */
export async function open(config: Configuration): Promise<Objects> {
  const endpoint = config.STORAGE_ENDPOINT;
  return cloudStorageObjects({
    bucket: needed(config, "GCP_OBJECTS_BUCKET", "the bucket that keeps imported files as delivered"),
    projectId: needed(config, "GCP_PROJECT_ID", "the project of the bucket"),
    ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
  });
}
