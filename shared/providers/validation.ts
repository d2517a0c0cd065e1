import { isAppError } from "#shared/runtime/errors.ts";
import { answerObject } from "./answer-fields.ts";
import type {
  Capabilities,
  Capability,
  CapabilityName,
  Check,
  ValidationContext,
  ValidationOutcome,
} from "./provider.ts";
import type { Query } from "./provider-address.ts";

const totalMs = 15_000;

/** How one validation call ended; `none`: it brought no verdict and moves no status. */
export interface Verdict {
  check: Check;
  kind: "ok" | "refused" | "denied" | "missing" | "failed" | "none";
  /** The account, as far as this call tells. */
  accountId: string | null;
  retryAfterSeconds: number | null;
}

export interface ProbeCall {
  /** A capability, or another word for a call that proves none. */
  name: string;
  path: string;
  query?: Query;
  /** The account a successful answer tells of; throws `AppError` when it is not the answer that was asked for. */
  account(body: unknown, headers: Readonly<Record<string, string>>): string | null;
}

/** Makes the function that asks one thing; all calls together end after 15 s. Source: `providers.md` 1.9. */
export function validationProbe({ http, provider, signal }: ValidationContext): (call: ProbeCall) => Promise<Verdict> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(totalMs)]);
  return async ({ name, path, query, account }) => {
    try {
      const { status, headers, body } = await http.get(path, query, limited);
      const accountId = account(body, headers);
      return { check: checkOf(name, "ok", status, null), kind: "ok", accountId, retryAfterSeconds: null };
    } catch (error) {
      signal.throwIfAborted();
      if (!isAppError(error) && !limited.aborted) throw error;
      return isAppError(error)
        ? verdictOf(name, error)
        : unheard(checkOf(name, "failed", null, `${provider.display_name} did not answer in time.`));
    }
  };
}

function verdictOf(
  name: string,
  {
    message,
    extra,
    retryAfterSeconds,
  }: { message: string; extra: Readonly<Record<string, unknown>>; retryAfterSeconds: number | undefined },
): Verdict {
  const status = typeof extra["provider_status"] === "number" ? extra["provider_status"] : null;
  const kind = kindOf(status);
  if (kind === "none") return unheard(checkOf(name, "failed", status, message), retryAfterSeconds);
  const outcome = kind === "refused" || kind === "denied" ? "denied" : "failed";
  return { check: checkOf(name, outcome, status, message), kind, accountId: null, retryAfterSeconds: null };
}

/** 429, 5xx, redirects, timeouts and answers that are none say nothing about the credential. */
function kindOf(status: number | null): Verdict["kind"] {
  if (status === 401) return "refused";
  if (status === 403) return "denied";
  if (status === 404) return "missing";
  const isRefusal = status !== null && status >= 400 && status < 500;
  return isRefusal && ![408, 425, 429].includes(status) ? "failed" : "none";
}

function checkOf(name: string, outcome: Check["outcome"], status: number | null, message: string | null): Check {
  return { name, outcome, http_status: status, message };
}

function unheard(check: Check, retryAfterSeconds: number | undefined = undefined): Verdict {
  return { check, kind: "none", accountId: null, retryAfterSeconds: retryAfterSeconds ?? null };
}

/** Throws unless the body is a list as providers page it. */
export function expectList(body: unknown): null {
  answerObject(body).list("data");
  return null;
}

export interface Conclusion {
  outcome: ValidationOutcome["outcome"];
  /** Only of meaning when accepted. */
  status?: ValidationOutcome["status"];
  message: string;
}

/** Puts verdicts together; capabilities are those of the registry that a verdict names, plus `import`, which needs no call. */
export function validationOutcome(
  { provider }: ValidationContext,
  verdicts: readonly Verdict[],
  { outcome, status = "PARTIAL_VALID", message }: Conclusion,
): ValidationOutcome {
  const capabilities: Capabilities = {};
  if (provider.capabilities.includes("import")) capabilities.import = available;
  for (const { check, kind } of verdicts) {
    const name = provider.capabilities.find((known) => known === check.name) as CapabilityName | undefined;
    if (name) capabilities[name] = capabilityOf(kind, check.message);
  }
  const waits = verdicts.flatMap(({ retryAfterSeconds }) => retryAfterSeconds ?? []);
  return {
    outcome,
    status,
    capabilities,
    checks: verdicts.map(({ check }) => check),
    accountId: verdicts.find(({ accountId }) => accountId !== null)?.accountId ?? null,
    message,
    leastPrivilege: { state: "unknown", hints: [...provider.least_privilege] },
    retryAfterSeconds: waits.length > 0 ? Math.max(...waits) : null,
  };
}

const available: Capability = { status: "available", reason: null, via: null };

function capabilityOf(kind: Verdict["kind"], message: string | null): Capability {
  if (kind === "ok") return available;
  return { status: kind === "refused" || kind === "denied" ? "denied" : "unavailable", reason: message, via: null };
}
