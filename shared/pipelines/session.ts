import { credentialContext, openForOrg } from "#shared/access/org-keys.ts";
import { providerAdapter } from "#shared/providers/adapters.ts";
import { callRates } from "#shared/providers/call-rate.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { noHttp } from "#shared/providers/no-http.ts";
import { type ProviderHttp, providerHttp } from "#shared/providers/provider-http.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { systemWaiting, type Waiting } from "#shared/providers/waiting.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { platformVersion } from "#shared/runtime/version.ts";
import type { Claim } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";

/** One holder's work on one claimed run. */
export interface RunSession {
  claim: Claim;
  ports: EnginePorts;
  provider: ProviderEntry;
  /** Opened at the claim, never serialised. */
  secret: string;
  http: ProviderHttp;
  /** Aborts with `LeaseLost` or `Parked`. */
  signal: AbortSignal;
  sleep(milliseconds: number): Promise<void>;
  random(): number;
  /** Provider calls made since the last question. */
  takeCalls(): number;
}

/** Per process: all runs of a credential share its rate. */
const rates = callRates();

/** Opens the credential and makes the client of the run; `CREDENTIAL_UNREADABLE` or `SIMULATED_CREDENTIAL` end the run. */
export async function openSession(
  claim: Claim,
  signal: AbortSignal,
  ports: EnginePorts,
  waiting: Waiting = systemWaiting,
): Promise<RunSession> {
  const provider = (await providers()).provider(claim.run.provider);
  const { credential } = claim;
  if (credential.simulated && ports.config.CA_PROVIDER_SIMULATOR_URL === undefined) {
    throw new AppError(
      "SIMULATED_CREDENTIAL",
      "The credential was checked against the simulator and is refused without it.",
    );
  }
  const secret = await openedSecret(claim, ports);
  let calls = 0;
  const http =
    provider.credential.kind === "none"
      ? noHttp
      : providerHttp({
          provider,
          authHeaders: providerAdapter(provider.slug).authHeaders(secret),
          secrets: [secret],
          version: platformVersion,
          simulatorUrl: ports.config.CA_PROVIDER_SIMULATOR_URL,
          signal,
          waiting,
          rate: rates(credential.credentialId, provider.rate_limit_per_minute),
          onCall: (call) => {
            calls += 1;
            ports.metrics.count("ca_provider_calls_total", {
              provider: provider.slug,
              status: String(call.status ?? call.code),
            });
            ports.metrics.observe("ca_provider_call_seconds", { provider: provider.slug }, call.ms / 1000);
            ports.log.debug({ run: claim.run.runId, ...call }, "provider call");
          },
        });
  const takeCalls = (): number => {
    const taken = calls;
    calls = 0;
    return taken;
  };
  return {
    claim,
    ports,
    provider,
    secret,
    http,
    signal,
    sleep: (ms) => waiting.sleep(ms, signal),
    random: Math.random,
    takeCalls,
  };
}

async function openedSecret({ run, credential }: Claim, ports: EnginePorts): Promise<string> {
  const context = credentialContext(
    run.org.orgId,
    credential.provider,
    credential.credentialId,
    credential.secretVersion,
  );
  try {
    return await openForOrg(run.org.orgId, credential.sealed, context, ports);
  } catch (error) {
    if (!isAppError(error, "SEALED_UNREADABLE")) throw error;
    throw new AppError("CREDENTIAL_UNREADABLE", "The stored credential does not open.", { cause: error });
  }
}
