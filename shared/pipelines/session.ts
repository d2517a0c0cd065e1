import { credentialContext, openForOrg } from "#shared/access/org-keys.ts";
import type { BudgetLimits } from "#shared/ledger/warehouse-budget.ts";
import { providerAdapter } from "#shared/providers/adapters.ts";
import { callRates } from "#shared/providers/call-rate.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { noHttp } from "#shared/providers/no-http.ts";
import type { ProviderAdapter } from "#shared/providers/provider.ts";
import { type ProviderHttp, type ProviderHttpOptions, providerHttp } from "#shared/providers/provider-http.ts";
import { type CalledSource, publicSource } from "#shared/providers/public-sources.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { systemWaiting, type Waiting } from "#shared/providers/waiting.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { platformVersion } from "#shared/runtime/version.ts";
import { type Batches, durableBatches, memoryBatches } from "./batches.ts";
import type { Claim } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { isOwnProvider } from "./own-pipelines.ts";
import { type PublishedContent, publishedContent } from "./published-content.ts";

/** One holder's work on one claimed run. */
export interface RunSession {
  claim: Claim;
  ports: EnginePorts;
  /** Undefined for pipelines of the platform's own. */
  provider: ProviderEntry | undefined;
  adapter: ProviderAdapter | undefined;
  /** Of any provider, for runs of the platform's own that derive rows. */
  adapterOf(slug: string): ProviderAdapter;
  batches: Batches;
  published: PublishedContent;
  /** Opened at the claim, never serialised. */
  secret: string;
  http: ProviderHttp;
  /** The client of a public source, which answers with texts. Throws `CONFIGURATION_INVALID` where there is none. */
  source(slug: string): Promise<ProviderHttp>;
  /** Aborts with `LeaseLost` or `Parked`. */
  signal: AbortSignal;
  /** This process has worked long enough: what can go on elsewhere should. */
  isTimeUp(): boolean;
  sleep(milliseconds: number): Promise<void>;
  random(): number;
  /** Provider calls made since the last question. */
  takeCalls(): number;
}

/** Per process: all runs of a credential share its rate. */
const rates = callRates();

/** What the work of one process on a run is bounded by. */
export interface SessionBounds {
  signal: AbortSignal;
  isTimeUp(): boolean;
  waiting?: Waiting | undefined;
  /** In place of the provider's own. */
  adapterOf?: ((slug: string) => ProviderAdapter) | undefined;
  /** In place of what the warehouse takes. */
  budget?: BudgetLimits | undefined;
}

/** Opens the credential and makes the client of the run; `CREDENTIAL_UNREADABLE` or `SIMULATED_CREDENTIAL` end the run. */
export async function openSession(claim: Claim, bounds: SessionBounds, ports: EnginePorts): Promise<RunSession> {
  const { adapterOf = providerAdapter } = bounds;
  const { clientOf, ...counted } = countedClient(claim, bounds, ports);
  const basis = { ...sessionBasis(claim, bounds, ports), ...counted };
  if (isOwnProvider(claim.run.provider))
    return { ...basis, provider: undefined, adapter: undefined, secret: "", http: noHttp };
  const provider = (await providers()).provider(claim.run.provider);
  const adapter = adapterOf(provider.slug);
  const { credential } = claim;
  if (credential.simulated && ports.config.CA_PROVIDER_SIMULATOR_URL === undefined) {
    throw new AppError(
      "SIMULATED_CREDENTIAL",
      "The credential was checked against the simulator and is refused without it.",
    );
  }
  const secret = await openedSecret(claim, ports);
  const rate = rates(credential.credentialId, provider.rate_limit_per_minute);
  const http =
    provider.credential.kind === "none"
      ? noHttp
      : clientOf(provider, { authHeaders: adapter.authHeaders(secret), secrets: [secret], rate });
  return { ...basis, provider, adapter, secret, http };
}

/** Clients of one run, whose calls are counted, measured and logged. */
function countedClient({ run }: Claim, { signal, waiting = systemWaiting }: SessionBounds, ports: EnginePorts) {
  let calls = 0;
  const clientOf = (
    provider: CalledSource,
    by: Pick<ProviderHttpOptions, "authHeaders" | "secrets" | "rate" | "reads">,
  ): ProviderHttp =>
    providerHttp({
      ...{ provider, signal, waiting, ...by },
      version: platformVersion,
      simulatorUrl: ports.config.CA_PROVIDER_SIMULATOR_URL,
      onCall: (call) => {
        calls += 1;
        ports.metrics.count("ca_provider_calls_total", {
          provider: provider.slug,
          status: String(call.status ?? call.code),
        });
        ports.metrics.observe("ca_provider_call_seconds", {}, call.ms / 1000);
        ports.log.debug({ run: run.runId, ...call }, "provider call");
      },
    });
  return {
    clientOf,
    source: async (slug: string) => {
      const source = await publicSource(slug);
      const rate = rates(slug, source.rate_limit_per_minute);
      return clientOf(source, { authHeaders: {}, secrets: [], reads: "text", rate });
    },
    takeCalls: () => {
      const taken = calls;
      calls = 0;
      return taken;
    },
  };
}

function sessionBasis(
  claim: Claim,
  { signal, waiting = systemWaiting, isTimeUp, adapterOf = providerAdapter, budget }: SessionBounds,
  ports: EnginePorts,
) {
  return {
    claim,
    ports,
    adapterOf,
    batches: claim.run.dryRun ? memoryBatches() : durableBatches(claim, ports, budget),
    published: publishedContent(claim, ports.documents),
    signal,
    isTimeUp,
    sleep: (ms: number) => waiting.sleep(ms, signal),
    random: Math.random,
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
