/** What every part of the benchmark is given; `folder` is its own and goes at the end. */
export interface Bench {
  folder: string;
  rows: number[];
  seed: number;
  /** Undefined: as many as the part thinks right. */
  repetitions: number | undefined;
  /** Progress, for people. */
  say(line: string): void;
}
