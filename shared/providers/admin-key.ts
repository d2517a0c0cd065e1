import type { Capabilities, Capability, ValidationContext, ValidationOutcome } from "./provider.ts";
import { type Verdict, validationOutcome } from "./validation.ts";

/**
 * What an admin key may see, from its verdicts. Trouble with a needed call is no verdict at all, refusals everywhere are
 * a refusal, and a needed call without success leaves the key PARTIAL_VALID. Source: `providers.md` 1.5 and 1.9.
 */
export function adminKeyOutcome(
  context: ValidationContext,
  verdicts: readonly Verdict[],
  needed: readonly Verdict[],
): ValidationOutcome {
  const silent = needed.find(({ kind }) => kind === "none");
  if (silent) return validationOutcome(context, verdicts, { outcome: "unavailable", message: messageOf(silent) });
  if (verdicts.every(({ kind }) => kind === "refused" || kind === "denied")) {
    const [first] = verdicts;
    return validationOutcome(context, verdicts, { outcome: "rejected", message: messageOf(first) });
  }
  const lacking = needed.filter(({ kind }) => kind !== "ok").map(({ check }) => check.name);
  const isWhole = lacking.length === 0;
  return validationOutcome(context, verdicts, {
    outcome: "accepted",
    status: isWhole ? "VALID" : "PARTIAL_VALID",
    message: isWhole ? "The key reads costs and usage." : `The key does not read ${lacking.join(" and ")}.`,
  });
}

/** The admin interface refused the key. It may still be a key for inference, which sees no money. */
export function inferenceKeyOutcome(context: ValidationContext, refused: Verdict, models: Verdict): ValidationOutcome {
  const verdicts = [refused, models];
  if (models.kind === "none")
    return validationOutcome(context, verdicts, { outcome: "unavailable", message: messageOf(models) });
  if (models.kind !== "ok")
    return validationOutcome(context, verdicts, { outcome: "rejected", message: messageOf(refused) });
  const message = "inference key: costs and usage need an admin key";
  const accepted = validationOutcome(context, verdicts, { outcome: "accepted", status: "PARTIAL_VALID", message });
  const denied: Capability = { status: "denied", reason: message, via: null };
  const names = context.provider.capabilities.filter((name) => name !== "import");
  const capabilities = Object.fromEntries(names.map((name) => [name, denied])) as Capabilities;
  return { ...accepted, capabilities: { ...accepted.capabilities, ...capabilities } };
}

function messageOf(verdict: Verdict | undefined): string {
  return verdict?.check.message ?? "The key was refused.";
}
