/** How often one run may ask again: 10 + 20 % of its requests, over all layers. Source: `pipelines.md` 7. */
export interface RepeatBudget {
  requested(): void;
  /** Takes one repeat, or answers false when none is left. */
  repeat(): boolean;
}

export function repeatBudget(): RepeatBudget {
  let requests = 0;
  let repeats = 0;
  return {
    requested: () => {
      requests += 1;
    },
    repeat: () => {
      if (repeats >= 10 + Math.floor(requests / 5)) return false;
      repeats += 1;
      return true;
    },
  };
}
