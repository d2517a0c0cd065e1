import type { ProviderAdapter } from "../provider.ts";
import { anthropicFocusRows } from "./focus-rows.ts";
import { anthropicProcessors } from "./processors.ts";
import { validateAnthropic } from "./validate.ts";

/** All that the platform knows of Anthropic. The API version it is written for is a header of the registry entry. */
export const anthropic: ProviderAdapter = {
  slug: "anthropic",
  authHeaders: (credential) => ({ "x-api-key": credential }),
  validate: validateAnthropic,
  processors: anthropicProcessors,
  focusRows: async (context) => anthropicFocusRows(context),
};
