import type { ProviderAdapter, ValidationOutcome } from "../provider.ts";
import { importFocusFile } from "./import-file.ts";

/** Files of any vendor in the form of FOCUS: nothing to call and nothing to refuse. */
export const focus: ProviderAdapter = {
  slug: "focus",
  authHeaders: () => ({}),
  validate: async (): Promise<ValidationOutcome> => ({
    outcome: "accepted",
    status: "VALID",
    capabilities: { import: { status: "available", reason: null, via: null } },
    checks: [],
    accountId: null,
    message: "Files are taken by upload.",
    leastPrivilege: { state: "ok", hints: [] },
    retryAfterSeconds: null,
  }),
  processors: {},
  focusRows: undefined,
  streams: { "focus.read": importFocusFile },
};
