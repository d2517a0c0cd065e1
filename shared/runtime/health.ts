import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Configuration } from "./config.ts";
import { AppError, isAppError } from "./errors.ts";
import { choice, strictObject } from "./schema.ts";
import { platformVersion } from "./version.ts";

export const Health = strictObject({
  status: choice(["ok"]),
  platform: choice(["embedded", "gcp"]),
  version: Type.String(),
});
export type Health = Static<typeof Health>;

/** That this process answers; looks at nothing else. */
export function health(config: Configuration): Health {
  return { status: "ok", platform: config.PLATFORM, version: platformVersion };
}

/** That the document store answers a read. Throws `DOCUMENTS_UNAVAILABLE` (503) whatever the store's own failure is. */
export async function readiness(documents: Documents, config: Configuration): Promise<Health> {
  try {
    await documents.get("platform/bootstrap");
  } catch (cause) {
    if (isAppError(cause, "DOCUMENTS_UNAVAILABLE")) throw cause;
    throw new AppError("DOCUMENTS_UNAVAILABLE", "The document store does not answer.", { retryable: true, cause });
  }
  return health(config);
}
