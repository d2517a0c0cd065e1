import { randomInt, randomUUID } from "node:crypto";
import { Agent } from "node:http";
import { RequestFilteringHttpsAgent } from "request-filtering-agent";
import type { CallFailure } from "./call-failure.ts";
import { type CallRate, callRate } from "./call-rate.ts";
import { judge, type ProviderAnswer } from "./call-verdict.ts";
import { type CallLimits, httpCall } from "./http-call.ts";
import { providerAddress, type Query } from "./provider-address.ts";
import type { CalledSource } from "./public-sources.ts";
import { type RepeatBudget, repeatBudget } from "./repeat-budget.ts";
import { systemWaiting, type Waiting } from "./waiting.ts";

/** Reads one provider for one credential by the rules of `providers.md` 2.2. */
export interface ProviderHttp {
  /**
   * GET of a path below the provider's base, as a 2xx answer with the body it reads. Throws `AppError` with the PROVIDER_ codes
   * of `pipelines.md` 10 (`extra.provider_status`, `retryAfterSeconds`), or the reason of an aborted signal.
   */
  get(path: string, query?: Query, signal?: AbortSignal): Promise<ProviderAnswer>;
}

/** What a log or a metric may know of a call: no query, no header, no text of the provider. */
export interface CallRecord {
  path: string;
  status: number | null;
  ms: number;
  /** 1 for the first time. */
  attempt: number;
  /** The error's code, or null when the call brought an answer. */
  code: string | null;
}

export interface RepeatRule {
  /** Repeats after the first call. */
  most: number;
  allows(status: number | null): boolean;
  /** A longer wait is left to the caller. */
  longestWaitSeconds: number;
}

/** A page of a run is asked again at most twice. */
export const pageCalls: RepeatRule = { most: 2, allows: () => true, longestWaitSeconds: 60 };

/** A validation call has one retry, and only on 5xx. Give `validationLimits` with it. */
export const validationCalls: RepeatRule = {
  most: 1,
  allows: (status) => status !== null && status >= 500,
  longestWaitSeconds: 5,
};

export const validationLimits: Partial<CallLimits> = { callMs: 10_000 };

export interface ProviderHttpOptions {
  provider: CalledSource;
  /** What the body of an answer is: JSON, or a text that somebody else reads. */
  reads?: "json" | "text";
  /** From the adapter's `authHeaders`. */
  authHeaders: Readonly<Record<string, string>>;
  /** Everything that must never be seen in an error: the credential and its secret parts. */
  secrets: readonly string[];
  /** The platform's version, for the User-Agent. */
  version: string;
  /** `CA_PROVIDER_SIMULATOR_URL`: a loopback address that stands for every provider. */
  simulatorUrl?: string | undefined;
  signal?: AbortSignal;
  repeats?: RepeatRule;
  limits?: Partial<CallLimits>;
  rate?: CallRate;
  budget?: RepeatBudget;
  onCall?: (call: CallRecord) => void;
  waiting?: Waiting;
  /** 0 <= value < 1. */
  random?: () => number;
  newRequestId?: () => string;
}

/** Makes the client of one credential; no call is made yet. Throws `CONFIGURATION_INVALID` for a base that may not be called. */
export function providerHttp(options: ProviderHttpOptions): ProviderHttp {
  const { provider, waiting = systemWaiting, random = fraction, repeats = pageCalls } = options;
  const address = providerAddress(provider, options.simulatorUrl);
  const agent = address.simulated
    ? new Agent({ keepAlive: true })
    : new RequestFilteringHttpsAgent({ keepAlive: true });
  const limits = { ...defaultLimits(provider), ...options.limits };
  const rate = options.rate ?? callRate(provider.rate_limit_per_minute, waiting);
  const budget = options.budget ?? repeatBudget();
  const never = new AbortController().signal;

  const attempt = async (
    path: string,
    query: Query,
    signal: AbortSignal,
    number: number,
  ): Promise<ProviderAnswer | CallFailure> => {
    await rate.take(signal);
    budget.requested();
    const started = waiting.now();
    const headers = { ...requestHeaders(provider, options), ...options.authHeaders };
    const answer = await httpCall({ url: address.url(path, query), headers, agent }, limits, signal);
    const { secrets, reads = "json" } = options;
    const result = judge(answer, { provider: provider.display_name, secrets, reads, nowMs: waiting.now() });
    const status = "lost" in answer ? null : answer.status;
    if (status === 429) rate.halve();
    options.onCall?.({
      path,
      status,
      ms: waiting.now() - started,
      attempt: number,
      code: "error" in result ? result.error.code : null,
    });
    return result;
  };

  return {
    async get(path, query = {}, signal = options.signal ?? never) {
      for (let number = 1; ; number += 1) {
        const result = await attempt(path, query, signal, number);
        if (!("error" in result)) return result;
        const { error, repeat } = result;
        const status = error.extra["provider_status"];
        const allowed = repeat && number <= repeats.most && repeats.allows(typeof status === "number" ? status : null);
        const waitSeconds = error.retryAfterSeconds ?? Math.min(60, 2 ** number) * (0.5 + random() / 2);
        if (!allowed || waitSeconds > repeats.longestWaitSeconds || !budget.repeat()) throw error;
        await waiting.sleep(waitSeconds * 1000, signal);
      }
    },
  };
}

function fraction(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}

function defaultLimits(provider: CalledSource): CallLimits {
  return {
    connectMs: 5_000,
    callMs: provider.request_timeout_seconds * 1000,
    slowAfterMs: 30_000,
    slowBytesPerSecond: 1_024,
    maxBodyBytes: provider.max_body_mib * 1024 * 1024,
    maxInflation: 100,
  };
}

function requestHeaders(
  provider: CalledSource,
  { version, newRequestId = randomUUID }: ProviderHttpOptions,
): Record<string, string> {
  return {
    accept: "application/json",
    "accept-encoding": "gzip",
    "user-agent": `cost-atlas/${version}`,
    "x-request-id": newRequestId(),
    ...provider.extra_headers,
  };
}
