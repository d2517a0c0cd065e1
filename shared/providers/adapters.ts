import { AppError } from "#shared/runtime/errors.ts";
import { anthropic } from "./anthropic/anthropic.ts";
import { focus } from "./focus/focus.ts";
import { openai } from "./openai/openai.ts";
import type { ProviderAdapter } from "./provider.ts";

const adapters: ReadonlyMap<string, ProviderAdapter> = new Map(
  [openai, anthropic, focus].map((adapter) => [adapter.slug, adapter]),
);

/** The adapter of a registry slug. Throws `UNKNOWN_PROVIDER` where there is none. */
export function providerAdapter(slug: string): ProviderAdapter {
  const adapter = adapters.get(slug);
  if (!adapter) throw new AppError("UNKNOWN_PROVIDER", "This provider has no adapter.");
  return adapter;
}
