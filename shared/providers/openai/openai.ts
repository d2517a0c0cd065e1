import type { ProviderAdapter } from "../provider.ts";
import { openaiCosts, openaiProcessors } from "./processors.ts";
import { validateOpenai } from "./validate.ts";

/** All that the platform knows of OpenAI. */
export const openai: ProviderAdapter = {
  slug: "openai",
  authHeaders: (credential) => ({ authorization: `Bearer ${credential}` }),
  validate: validateOpenai,
  processors: openaiProcessors,
  focusRows: openaiCosts,
};
