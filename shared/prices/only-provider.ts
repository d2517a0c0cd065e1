import { AppError } from "#shared/runtime/errors.ts";
import { normalisedModel } from "./model-name.ts";
import type { Flow, PriceVersion } from "./price.ts";
import type { PriceBook } from "./price-book.ts";

/** The one provider that prices a name; 422 `PROVIDER_REQUIRED` where several do, `PRICE_NOT_FOUND` where none does. */
export function onlyProvider(
  { flow, modelId }: { flow: Flow; modelId: string },
  { book, ever }: { book: PriceBook; ever: readonly PriceVersion[] },
): string {
  const found = new Set(
    [...book.all(flow), ...ever.filter((version) => version.flow === flow)]
      .filter(
        (version) => normalisedModel(version.provider, version.modelId) === normalisedModel(version.provider, modelId),
      )
      .map(({ provider }) => provider),
  );
  const [only] = found;
  if (only === undefined) throw new AppError("PRICE_NOT_FOUND", "There is no such price.");
  if (found.size > 1)
    throw new AppError("PROVIDER_REQUIRED", "Several providers price this: name one.", {
      fields: [{ path: "/provider", problem: `is required: one of ${[...found].sort().join(", ")}` }],
    });
  return only;
}
