import { answerObject } from "../answer-fields.ts";
import type { Capability, ValidationContext, ValidationOutcome } from "../provider.ts";
import { expectList, type ProbeCall, type Verdict, validationOutcome, validationProbe } from "../validation.ts";

const accountHeader = "openai-organization";

/**
 * Asks OpenAI what the key may see: three cheap reads, never an inference. Trouble on the way is `unavailable`, not a
 * refusal. Throws only the reason of an aborted `signal`. Source: `providers.md` 1.9.
 */
export async function validateOpenai(context: ValidationContext): Promise<ValidationOutcome> {
  const probe = validationProbe(context);
  const lastDay = { start_time: Math.floor(context.now.getTime() / 1000) - 86_400, limit: 1 };
  const costs = await probe(listOf("billed_cost", "/v1/organization/costs", lastDay));
  if (costs.kind === "refused") return ofInferenceKey(context, costs, await probe(listOf("models", "/v1/models")));
  const usage = await probe(listOf("usage", "/v1/organization/usage/completions", lastDay));
  const names = await probe({ ...listOf("names", "/v1/organization/projects", { limit: 1 }), account: oldestProject });
  const verdicts = [costs, usage, names];
  const silent = [costs, usage].find(({ kind }) => kind === "none");
  if (silent) return validationOutcome(context, verdicts, { outcome: "unavailable", message: messageOf(silent) });
  if (verdicts.every(({ kind }) => kind === "refused" || kind === "denied")) {
    return validationOutcome(context, verdicts, { outcome: "rejected", message: messageOf(costs) });
  }
  const lacking = [costs, usage].filter(({ kind }) => kind !== "ok").map(({ check }) => check.name);
  return validationOutcome(context, verdicts, {
    outcome: "accepted",
    status: lacking.length === 0 ? "VALID" : "PARTIAL_VALID",
    message:
      lacking.length === 0 ? "The key reads costs and usage." : `The key does not read ${lacking.join(" and ")}.`,
  });
}

/** The admin interface refused the key. It may still be a key for inference, which sees no money. */
function ofInferenceKey(context: ValidationContext, costs: Verdict, models: Verdict): ValidationOutcome {
  const verdicts = [costs, models];
  if (models.kind === "none") {
    return validationOutcome(context, verdicts, { outcome: "unavailable", message: messageOf(models) });
  }
  if (models.kind !== "ok") {
    return validationOutcome(context, verdicts, { outcome: "rejected", message: messageOf(costs) });
  }
  const message = "inference key: costs and usage need an admin key";
  const denied: Capability = { status: "denied", reason: message, via: null };
  const accepted = validationOutcome(context, verdicts, { outcome: "accepted", status: "PARTIAL_VALID", message });
  return { ...accepted, capabilities: { ...accepted.capabilities, billed_cost: denied, usage: denied, names: denied } };
}

function listOf(name: string, path: string, query: NonNullable<ProbeCall["query"]> = {}): ProbeCall {
  return { name, path, query, account: (body, headers) => expectList(body) ?? (headers[accountHeader] || null) };
}

/** Stands for the account where no answer names it. */
function oldestProject(body: unknown, headers: Readonly<Record<string, string>>): string | null {
  const projects = answerObject(body)
    .list("data")
    .map((project) => ({ id: project.requiredText("id"), createdAt: project.count("created_at") }));
  return headers[accountHeader] || (projects.sort((a, b) => a.createdAt - b.createdAt)[0]?.id ?? null);
}

function messageOf({ check }: Verdict): string {
  return check.message ?? "The key was refused.";
}
