import type { Step } from "./pipeline.ts";

/** The steps a step waits for: those it names, or the one before it. */
export function dependenciesOf(steps: readonly Step[], at: number): string[] {
  const step = steps[at];
  const before = steps[at - 1];
  return step?.depends_on ?? (before === undefined ? [] : [before.id]);
}

/** Steps by level: those of a level may run at once. Faults: an unknown id, a step twice, a cycle. */
export function levelsOf(steps: readonly Step[]): { levels: Step[][]; faults: string[] } {
  const ids = new Set(steps.map((step) => step.id));
  const faults = steps.length === ids.size ? [] : ["a step id stands twice"];
  const waiting = new Map(steps.map((step, at) => [step, dependenciesOf(steps, at)]));
  for (const [step, needed] of waiting) {
    for (const id of needed) if (!ids.has(id)) faults.push(`step ${step.id} depends on ${id}, which does not exist`);
  }
  if (faults.length > 0) return { levels: [], faults };
  const done = new Set<string>();
  const levels: Step[][] = [];
  while (waiting.size > 0) {
    const level = [...waiting].filter(([, needed]) => needed.every((id) => done.has(id))).map(([step]) => step);
    if (level.length === 0) return { levels: [], faults: ["the steps depend on each other in a circle"] };
    for (const step of level) {
      waiting.delete(step);
      done.add(step.id);
    }
    levels.push(level);
  }
  return { levels, faults };
}
