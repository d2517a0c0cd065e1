import { adminKeyOutcome, inferenceKeyOutcome } from "../admin-key.ts";
import { answerObject } from "../answer-fields.ts";
import type { ValidationContext, ValidationOutcome } from "../provider.ts";
import { dayEndSeconds, dayOfSeconds, instantOfSeconds } from "../utc-days.ts";
import { expectList, type ProbeCall, validationProbe } from "../validation.ts";
import { paths } from "./client.ts";

/**
 * Asks Anthropic whose key it is and what it may see: five cheap reads, never an inference. Trouble on the way is
 * `unavailable`, not a refusal. Throws only the reason of an aborted `signal`. Source: `providers.md` 1.9.
 */
export async function validateAnthropic(context: ValidationContext): Promise<ValidationOutcome> {
  const probe = validationProbe(context);
  const account = await probe({ name: "account", path: "/v1/organizations/me", account: organizationId });
  if (account.kind === "none") return adminKeyOutcome(context, [account], [account]);
  if (account.kind === "refused")
    return inferenceKeyOutcome(context, account, await probe(listOf("models", "/v1/models", { limit: 1 })));
  const yesterday = dayOfSeconds(Math.floor(context.now.getTime() / 1000) - 86_400);
  const ending = dayEndSeconds(yesterday);
  const lastDay = { starting_at: `${yesterday}T00:00:00Z`, ending_at: instantOfSeconds(ending), limit: 1 };
  const costs = await probe(listOf("billed_cost", paths.costs, lastDay));
  const usage = await probe(listOf("usage", paths.usage, { ...lastDay, bucket_width: "1d" }));
  const activity = await probe(listOf("activity", paths.activity, { starting_at: yesterday, limit: 1 }));
  const names = await probe(listOf("names", paths.workspaces, { limit: 1 }));
  return adminKeyOutcome(context, [account, costs, usage, activity, names], [costs, usage]);
}

function listOf(name: string, path: string, query: NonNullable<ProbeCall["query"]>): ProbeCall {
  return { name, path, query, account: expectList };
}

function organizationId(body: unknown): string {
  return answerObject(body).requiredText("id");
}
