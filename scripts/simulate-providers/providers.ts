import { anthropic } from "./anthropic/anthropic.ts";
import { ecb } from "./ecb/ecb.ts";
import { openai } from "./openai/openai.ts";
import type { Provider } from "./provider.ts";

/** Every simulated vendor. A new one is a room beside `openai/` and one line here. */
export const providers: readonly Provider[] = [openai, anthropic, ecb];
