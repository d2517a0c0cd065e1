import { describe, expect, it } from "vitest";
import { ConfigurationError, readConfiguration } from "#shared/runtime/config.ts";
import { open as openDocuments } from "./documents.ts";
import { open as openKeys } from "./keys.ts";
import { open as openMail } from "./mail.ts";
import { open as openObjects } from "./objects.ts";
import { open as openTopics } from "./topics.ts";
import { open as openWarehouse } from "./warehouse.ts";

describe("the cloud platform", () => {
  it.each([
    ["documents", openDocuments, "GCP_PROJECT_ID"],
    ["warehouse", openWarehouse, "GCP_PROJECT_ID"],
    ["topics", openTopics, "GCP_PROJECT_ID"],
    ["objects", openObjects, "GCP_OBJECTS_BUCKET"],
    ["keys", openKeys, "KMS_KEY_NAME"],
    ["mail", openMail, "MAIL_URL"],
  ])("names the setting that %s lack", async (_, open, variable) => {
    const bare = await readConfiguration({ ENVIRONMENT: "test" });

    const error: unknown = await open(bare).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toContain(`${variable} is missing: `);
  });

  it("keeps no mails on an instance's own disk", async () => {
    const config = await readConfiguration({ ENVIRONMENT: "test", MAIL_URL: "file:" });

    await expect(openMail(config)).rejects.toBeInstanceOf(ConfigurationError);
  });
});
