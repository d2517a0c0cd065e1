/** One measurement; answers its sample. */
export type Measure = () => Promise<number>;

/**
 * Takes the samples of several things side by side: every round measures each of them once, every second round in the
 * opposite order, so that what the machine does meanwhile falls on all alike. Samples of the warm-up rounds are dropped.
 */
export async function alternately<Name extends string>(
  measures: Readonly<Record<Name, Measure>>,
  rounds: { warmUps: number; repetitions: number },
): Promise<Record<Name, number[]>> {
  const names = Object.keys(measures) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -rounds.warmUps; round < rounds.repetitions; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const sample = await measures[name]();
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** Milliseconds that the work takes. */
export async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
