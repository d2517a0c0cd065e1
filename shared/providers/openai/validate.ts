import { isAppError } from "#shared/runtime/errors.ts";
import { answerObject } from "../answer-fields.ts";
import type {
  Capabilities,
  Capability,
  CapabilityName,
  Check,
  ValidationContext,
  ValidationOutcome,
} from "../provider.ts";
import type { ProviderAnswer, Query } from "../provider-http.ts";

const totalMs = 15_000;

/** How one validation call ended; `none`: it brought no verdict. */
interface Verdict {
  check: Check;
  answer: ProviderAnswer | null;
  kind: "ok" | "refused" | "denied" | "missing" | "failed" | "none";
  retryAfterSeconds: number | null;
}

interface ProbeCall {
  name: CapabilityName | "models";
  path: string;
  query?: Query;
}

/**
 * Asks OpenAI what the key may see: three cheap reads, never an inference. At most 15 s in all. Trouble on the way is
 * `unavailable`, not a refusal. Throws only the reason of an aborted `signal`. Source: `providers.md` 1.9.
 */
export async function validateOpenai(context: ValidationContext): Promise<ValidationOutcome> {
  const probe = probeWith(context, AbortSignal.any([context.signal, AbortSignal.timeout(totalMs)]));
  const yesterday = Math.floor(context.now.getTime() / 1000) - 86_400;
  const costs = await probe({
    name: "billed_cost",
    path: "/v1/organization/costs",
    query: { start_time: yesterday, limit: 1 },
  });
  if (costs.kind === "refused")
    return ofInferenceKey(context, costs, await probe({ name: "models", path: "/v1/models" }));
  const usage = await probe({
    name: "usage",
    path: "/v1/organization/usage/completions",
    query: { start_time: yesterday, limit: 1 },
  });
  const names = await probe({ name: "names", path: "/v1/organization/projects", query: { limit: 1 } });
  const verdicts = [costs, usage, names];
  const silent = [costs, usage].find(({ kind }) => kind === "none");
  if (silent)
    return outcome(context, verdicts, { outcome: "unavailable", message: silent.check.message ?? "", silent });
  if (verdicts.every(({ kind }) => kind === "refused" || kind === "denied")) {
    return outcome(context, verdicts, { outcome: "rejected", message: costs.check.message ?? "The key was refused." });
  }
  const isWhole = costs.kind === "ok" && usage.kind === "ok";
  const lacking = [costs, usage].filter(({ kind }) => kind !== "ok").map(({ check }) => check.name);
  return outcome(context, verdicts, {
    outcome: "accepted",
    status: isWhole ? "VALID" : "PARTIAL_VALID",
    message: isWhole ? "The key reads costs and usage." : `The key does not read: ${lacking.join(", ")}.`,
    accountId: accountOf(verdicts, names),
  });
}

/** The admin interface refused the key: it may still be a key for inference, which is of no use for money. */
function ofInferenceKey(context: ValidationContext, costs: Verdict, models: Verdict): ValidationOutcome {
  const verdicts = [costs, models];
  if (models.kind === "none")
    return outcome(context, verdicts, { outcome: "unavailable", message: models.check.message ?? "", silent: models });
  if (models.kind !== "ok")
    return outcome(context, verdicts, { outcome: "rejected", message: costs.check.message ?? "The key was refused." });
  const message = "inference key: costs and usage need an admin key";
  const denied: Capability = { status: "denied", reason: message, via: null };
  const accepted = outcome(context, verdicts, {
    outcome: "accepted",
    status: "PARTIAL_VALID",
    message,
    accountId: accountOf(verdicts, undefined),
  });
  return { ...accepted, capabilities: { ...accepted.capabilities, billed_cost: denied, usage: denied, names: denied } };
}

function probeWith({ http, signal }: ValidationContext, limited: AbortSignal): (call: ProbeCall) => Promise<Verdict> {
  return async ({ name, path, query }) => {
    try {
      const answer = await http.get(path, query, limited);
      // A 200 of something else on the way is no verdict.
      answerObject(answer.body).list("data");
      return {
        check: { name, outcome: "ok", http_status: answer.status, message: null },
        answer,
        kind: "ok",
        retryAfterSeconds: null,
      };
    } catch (error) {
      signal.throwIfAborted();
      if (!isAppError(error)) {
        if (!limited.aborted) throw error;
        return noVerdict(name, "OpenAI did not answer in time.", null, null);
      }
      const found = error.extra["provider_status"];
      const status = typeof found === "number" ? found : null;
      const kind = kindOf(status);
      if (kind === "none") return noVerdict(name, error.message, status, error.retryAfterSeconds ?? null);
      const check: Check = {
        name,
        outcome: kind === "failed" ? "failed" : "denied",
        http_status: status,
        message: error.message,
      };
      return { check, answer: null, kind, retryAfterSeconds: null };
    }
  };
}

function noVerdict(name: string, message: string, status: number | null, retryAfterSeconds: number | null): Verdict {
  return {
    check: { name, outcome: "failed", http_status: status, message },
    answer: null,
    kind: "none",
    retryAfterSeconds,
  };
}

function kindOf(status: number | null): Verdict["kind"] {
  if (status === 401) return "refused";
  if (status === 403) return "denied";
  if (status === 404) return "missing";
  return status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429 ? "failed" : "none";
}

/** The organization a key belongs to: the response header, else the oldest project. */
function accountOf(verdicts: readonly Verdict[], names: Verdict | undefined): string | null {
  const header = verdicts.map(({ answer }) => answer?.headers["openai-organization"]).find(Boolean);
  if (header) return header;
  if (!names?.answer) return null;
  const projects = answerObject(names.answer.body).list("data");
  const oldest = projects
    .map((project) => ({ id: project.requiredText("id"), at: project.count("created_at") }))
    .sort((a, b) => a.at - b.at)[0];
  return oldest?.id ?? null;
}

interface Conclusion {
  outcome: ValidationOutcome["outcome"];
  status?: ValidationOutcome["status"];
  message: string;
  accountId?: string | null;
  silent?: Verdict;
}

function outcome(
  { provider }: ValidationContext,
  verdicts: readonly Verdict[],
  conclusion: Conclusion,
): ValidationOutcome {
  const capabilities: Capabilities = { import: { status: "available", reason: null, via: null } };
  for (const { check, kind } of verdicts) {
    if (check.name !== "models") capabilities[check.name as CapabilityName] = capabilityOf(kind, check.message);
  }
  return {
    outcome: conclusion.outcome,
    status: conclusion.status ?? "PARTIAL_VALID",
    capabilities,
    checks: verdicts.map(({ check }) => check),
    accountId: conclusion.accountId ?? null,
    message: conclusion.message,
    // No call tells what else a key may do, so the hint stands beside the unknown.
    leastPrivilege: { state: "unknown", hints: [...provider.least_privilege] },
    retryAfterSeconds: conclusion.silent?.retryAfterSeconds ?? null,
  };
}

function capabilityOf(kind: Verdict["kind"], message: string | null): Capability {
  if (kind === "ok") return { status: "available", reason: null, via: null };
  return { status: kind === "refused" || kind === "denied" ? "denied" : "unavailable", reason: message, via: null };
}
