export const parts = ["cold", "summary", "reservations", "import", "requests"] as const;

export type Part = (typeof parts)[number];

/** One side of a comparison: all samples of one run in the order they were taken, and their median. */
export interface Side {
  name: string;
  median: number;
  samples: number[];
}

/** What the ratio subject / yardstick should be. */
export type Aim = { atMost: number } | { atLeast: number };

export interface Comparison {
  part: Part;
  name: string;
  unit: "ms" | "requests/s";
  subject: Side;
  yardstick: Side;
  ratio: number;
  aim?: Aim;
  isMet?: boolean;
  note?: string;
}

/** Said instead of a figure that could not be measured. */
export interface NotMeasured {
  part: Part;
  name: string;
  reason: string;
}

export type Result = Comparison | NotMeasured;

/** What one part of the benchmark found out; `wrong` names every digit that differs from the exact reference. */
export interface Findings {
  results: Result[];
  wrong: string[];
}

export interface Compared {
  part: Part;
  name: string;
  unit: Comparison["unit"];
  subject: { name: string; samples: number[] };
  yardstick: { name: string; samples: number[] };
  aim?: Aim;
  note?: string;
}

/** The comparison of two series of samples that were taken alternately. Throws for a series without samples. */
export function compared({ subject, yardstick, ...about }: Compared): Comparison {
  const [own, other] = [sideOf(subject), sideOf(yardstick)];
  const ratio = own.median / other.median;
  const isMet = about.aim === undefined ? {} : { isMet: meets(ratio, about.aim) };
  return { ...about, subject: own, yardstick: other, ratio, ...isMet };
}

export function isMeasured(result: Result): result is Comparison {
  return "ratio" in result;
}

/** The middle sample; of an even number of them the mean of the middle two. Throws when there is none. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error("a median needs a sample");
  return (low + high) / 2;
}

function sideOf({ name, samples }: { name: string; samples: number[] }): Side {
  return { name, median: median(samples), samples };
}

function meets(ratio: number, aim: Aim): boolean {
  return "atMost" in aim ? ratio <= aim.atMost : ratio >= aim.atLeast;
}
