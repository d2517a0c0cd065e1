import { AppError } from "#shared/runtime/errors.ts";
import type { ProviderHttp } from "./provider-http.ts";

/** The client of a provider that is never called, because its data comes as files. */
export const noHttp: ProviderHttp = {
  get: async () => {
    throw new AppError("PROCESSOR_UNKNOWN", "This provider has no address to call.");
  },
};
