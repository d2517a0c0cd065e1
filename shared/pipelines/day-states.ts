import type { SourceDays, StepDocument } from "./run.ts";

/** A day is as good as the worst that any step knows of it; it is empty only when no step has anything. */
export function combinedDays(steps: readonly Pick<StepDocument, "sources">[]): SourceDays {
  const combined: SourceDays = {};
  for (const step of steps) {
    for (const [source, days] of Object.entries(step.sources)) {
      const known = combined[source] ?? {};
      for (const [day, state] of Object.entries(days)) known[day] = worse(known[day], state);
      combined[source] = known;
    }
  }
  return combined;
}

type State = SourceDays[string][string];

function worse(one: State | undefined, other: State): State {
  if (one === undefined) return other;
  for (const state of ["unavailable", "partial", "complete"] as const)
    if (one === state || other === state) return state;
  return "empty";
}
