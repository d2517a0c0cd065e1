import { providerAdapter } from "#shared/providers/adapters.ts";
import { noHttp } from "#shared/providers/no-http.ts";
import type { ValidationOutcome } from "#shared/providers/provider.ts";
import { providerHttp, validationCalls, validationLimits } from "#shared/providers/provider-http.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { platformVersion } from "#shared/runtime/version.ts";

/** Asks the provider what the credential may see. Answers acceptance; a refusal is 422, trouble on the way 503. */
export async function acceptedByProvider(
  entry: ProviderEntry,
  secret: string,
  metadata: Record<string, unknown>,
  given: Pick<Surroundings, "clock" | "config" | "metrics">,
): Promise<ValidationOutcome> {
  const adapter = providerAdapter(entry.slug);
  const http =
    entry.credential.kind === "none"
      ? noHttp
      : providerHttp({
          provider: entry,
          authHeaders: adapter.authHeaders(secret),
          secrets: [secret],
          version: platformVersion,
          simulatorUrl: given.config.CA_PROVIDER_SIMULATOR_URL,
          repeats: validationCalls,
          limits: validationLimits,
          onCall: (call) => {
            given.metrics.count("ca_provider_calls_total", {
              provider: entry.slug,
              status: String(call.status ?? call.code),
            });
            given.metrics.observe("ca_provider_call_seconds", {}, call.ms / 1000);
          },
        });
  const outcome = await adapter.validate({
    provider: entry,
    credential: secret,
    metadata,
    http,
    now: given.clock.now(),
    signal: new AbortController().signal,
  });
  if (outcome.outcome === "unavailable") {
    throw new AppError(
      "PROVIDER_UNAVAILABLE",
      `${entry.display_name} could not be asked: ${outcome.message || "no answer"}. Nothing was changed.`,
      {
        retryable: true,
        retryAfterSeconds: outcome.retryAfterSeconds ?? 30,
      },
    );
  }
  if (outcome.outcome === "rejected") {
    throw new AppError(
      "CREDENTIAL_REJECTED",
      `${entry.display_name} refused the credential: ${outcome.message}`.slice(0, 300),
      {
        fields: [{ path: "/credential", problem: outcome.message.slice(0, 200) || "was refused" }],
      },
    );
  }
  return outcome;
}
