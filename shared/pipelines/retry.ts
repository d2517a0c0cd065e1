const maximumWaitSeconds = 3600;

/** Seconds before attempt n + 1 of a step, after `attempts` of them: backoff doubling with jitter, or what the provider asked for if longer (`pipelines.md` 7.5). `random` is 0 <= value < 1. */
export function retryWaitSeconds(
  retry: { backoff_seconds: number },
  attempts: number,
  facts: { retryAfterSeconds: number | undefined; random: number },
): number {
  const backoff = Math.min(maximumWaitSeconds, retry.backoff_seconds * 2 ** (attempts - 1));
  const jittered = backoff * (0.5 + facts.random / 2);
  const asked = facts.retryAfterSeconds ?? 0;
  // A whole crowd that was told the same second must not come back in the same second.
  return Math.max(jittered, asked * (1 + facts.random / 2));
}
