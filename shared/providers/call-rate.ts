import { LRUCache } from "lru-cache";
import { systemWaiting, type Waiting } from "./waiting.ts";

/** Holds calls of one credential back so that no minute sees more than the registry allows. */
export interface CallRate {
  /** Resolves when the next call may go out. */
  take(signal: AbortSignal): Promise<void>;
  /** The provider said 429: half the rate for ten minutes. */
  halve(): void;
}

const minuteMs = 60_000;
const halvedMs = 10 * minuteMs;

/**
 * A bucket of `perMinute` tokens in which each token comes back one minute after it was taken: bursts are possible, and
 * any sixty seconds still hold at most `perMinute` calls. Source: `providers.md` 2.2.
 */
export function callRate(perMinute: number, waiting: Waiting = systemWaiting): CallRate {
  let taken: number[] = [];
  let halvedUntil = 0;
  return {
    async take(signal) {
      for (;;) {
        signal.throwIfAborted();
        const now = waiting.now();
        const tokens = now < halvedUntil ? Math.max(1, Math.floor(perMinute / 2)) : perMinute;
        taken = taken.filter((at) => at > now - minuteMs);
        const blocking = taken[taken.length - tokens];
        if (blocking === undefined) {
          taken.push(now);
          return;
        }
        await waiting.sleep(blocking + minuteMs - now, signal);
      }
    },
    halve() {
      halvedUntil = waiting.now() + halvedMs;
    },
  };
}

/** The rates of a process, by credential: runs and validations of one credential share one. */
export type CallRates = (credentialId: string, perMinute: number) => CallRate;

export function callRates(waiting: Waiting = systemWaiting): CallRates {
  const known = new LRUCache<string, CallRate>({ max: 5_000 });
  return (credentialId, perMinute) => {
    const rate = known.get(credentialId) ?? callRate(perMinute, waiting);
    known.set(credentialId, rate);
    return rate;
  };
}
