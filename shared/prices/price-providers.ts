import { providers } from "#shared/providers/load-registry.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { Flow } from "./price.ts";
import { shippedPrices } from "./shipped-prices.ts";

/** Providers that prices name and no integration does, by slug, with their other names. Source: `prices-and-plans.md` A2. */
const furtherProviders: Readonly<Record<string, readonly string[]>> = {
  azure_openai: [],
  bedrock: ["aws_bedrock"],
  vertex: ["gcp_vertex"],
  gcp_gpu: [],
  aws_gpu: [],
  azure_gpu: [],
  custom: [],
};

/** The slug of a provider that prices may name, by slug or alias in any case. Throws `UNKNOWN_PROVIDER`. */
export async function priceProvider(name: string): Promise<string> {
  const asked = name.toLowerCase();
  for (const [slug, aliases] of Object.entries(furtherProviders)) {
    if (slug === asked || aliases.includes(asked)) return slug;
  }
  try {
    return (await providers()).provider(asked).slug;
  } catch (error) {
    if (!isAppError(error, "UNKNOWN_PROVIDER")) throw error;
    // Prices are shipped also of providers that no adapter pulls.
    if ((await shippedPrices()).prices.some(({ provider }) => provider === asked)) return asked;
    throw new AppError("UNKNOWN_PROVIDER", "This provider is not known.");
  }
}

export const flowNames: Readonly<Record<string, Flow>> = {
  payg: "payg",
  commitment: "commitment",
  infrastructure: "infrastructure",
};

/** The flow of a path. Throws `PRICE_NOT_FOUND` for any other word. */
export function flowOf(name: string): Flow {
  const flow = Object.hasOwn(flowNames, name) ? flowNames[name] : undefined;
  if (flow === undefined) throw new AppError("PRICE_NOT_FOUND", "There is no such flow of prices.");
  return flow;
}

const longestModel = 200;
const control = /\p{Cc}/u;

/** A model id or instance type from a path. Throws `PRICE_NOT_FOUND` for what can be none. */
export function identifierOf(text: string): string {
  if (text.length <= longestModel && text.trim() !== "" && !control.test(text)) return text.normalize("NFC").trim();
  throw new AppError("PRICE_NOT_FOUND", "There is no such price.");
}
