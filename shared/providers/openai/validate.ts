import { adminKeyOutcome, inferenceKeyOutcome } from "../admin-key.ts";
import { answerObject } from "../answer-fields.ts";
import type { ValidationContext, ValidationOutcome } from "../provider.ts";
import { expectList, type ProbeCall, validationProbe } from "../validation.ts";

const accountHeader = "openai-organization";

/**
 * Asks OpenAI what the key may see: three cheap reads, never an inference. Trouble on the way is `unavailable`, not a
 * refusal. Throws only the reason of an aborted `signal`. Source: `providers.md` 1.9.
 */
export async function validateOpenai(context: ValidationContext): Promise<ValidationOutcome> {
  const probe = validationProbe(context);
  const lastDay = { start_time: Math.floor(context.now.getTime() / 1000) - 86_400, limit: 1 };
  const costs = await probe(listOf("billed_cost", "/v1/organization/costs", lastDay));
  if (costs.kind === "refused") return inferenceKeyOutcome(context, costs, await probe(listOf("models", "/v1/models")));
  const usage = await probe(listOf("usage", "/v1/organization/usage/completions", lastDay));
  const names = await probe({ ...listOf("names", "/v1/organization/projects", { limit: 1 }), account: oldestProject });
  return adminKeyOutcome(context, [costs, usage, names], [costs, usage]);
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
