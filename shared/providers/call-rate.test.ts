import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callRate, callRates } from "./call-rate.ts";
import type { Waiting } from "./waiting.ts";

function movedClock(): Waiting & { now(): number } {
  let now = 1_000_000;
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      now += ms;
    },
  };
}

const signal = new AbortController().signal;

describe("callRate", () => {
  it("never lets more calls through in any minute than the registry allows", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat({ max: 20_000 }), { maxLength: 80 }),
        async (perMinute, pauses) => {
          const clock = movedClock();
          const rate = callRate(perMinute, clock);
          const calls: number[] = [];
          for (const pause of pauses) {
            await clock.sleep(pause, signal);
            await rate.take(signal);
            calls.push(clock.now());
          }

          const busiest = calls.map((from) => calls.filter((at) => at >= from && at < from + 60_000).length);
          expect(Math.max(0, ...busiest)).toBeLessThanOrEqual(perMinute);
        },
      ),
    );
  });

  it("returns to the full rate ten minutes after a 429", async () => {
    const clock = movedClock();
    const rate = callRate(4, clock);
    rate.halve();
    const begun = clock.now();
    for (let call = 0; call < 3; call += 1) await rate.take(signal);
    const halved = clock.now() - begun;
    await clock.sleep(600_000, signal);

    const later = clock.now();
    for (let call = 0; call < 4; call += 1) await rate.take(signal);

    expect([halved, clock.now() - later]).toEqual([60_000, 0]);
  });

  it("is shared by all who use a credential, and by nobody else", () => {
    const rates = callRates(movedClock());

    expect(rates("cred_a", 60)).toBe(rates("cred_a", 60));
    expect(rates("cred_a", 60)).not.toBe(rates("cred_b", 60));
  });
});
