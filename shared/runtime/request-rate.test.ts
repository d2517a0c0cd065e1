import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "./errors.ts";
import { requestRate } from "./request-rate.ts";
import { memoryDocuments, movableClock } from "./served.fixture.ts";

// Source: `organizations.md` 10, first row.
describe("requests per minute of a plan", () => {
  it("are counted in fixed UTC minutes, and one too many is not counted", () => {
    const rate = requestRate();
    const at = (second: number) => new Date(Date.UTC(2026, 7, 10, 12, 0, second));

    const states = [10, 20, 30].map((second) => rate.count("acme", 2, at(second)));
    const next = rate.count("acme", 2, at(60));

    expect(states.map(({ remaining }) => remaining)).toEqual([1, 0, -1]);
    expect(states[2]).toEqual({ limit: 2, remaining: -1, resetSeconds: 30 });
    expect(next).toEqual({ limit: 2, remaining: 1, resetSeconds: 60 });
  });

  it("are no other organization's", () => {
    const rate = requestRate();
    const now = new Date("2026-08-10T12:00:00.000Z");

    rate.count("acme", 1, now);

    expect(rate.count("other", 1, now).remaining).toBe(0);
  });

  it("overshoot by at most the traffic of 2 s, for any number of instances and any traffic", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.record({ after: fc.integer({ min: 0, max: 900 }), instance: fc.nat() }), {
          minLength: 50,
          maxLength: 200,
        }),
        async (instances, limit, traffic) => {
          const clock = movableClock();
          const documents = memoryDocuments(clock);
          const rates = Array.from({ length: instances }, () => requestRate());
          const admitted: number[] = [];
          const asked: number[] = [];
          for (const { after, instance } of traffic) {
            clock.advance(after);
            const now = clock.now();
            if (now.getTime() >= Date.parse("2026-08-10T12:01:00.000Z")) break;
            const rate = rates[instance % instances] ?? requestRate();
            asked.push(now.getTime());
            if (rate.count("acme", limit, now).remaining >= 0) admitted.push(now.getTime());
            await rate.exchange("acme", now, documents);
          }
          await documents.close();

          const busiest = Math.max(
            ...asked.map((start) => asked.filter((at) => at >= start && at - start <= 2_000).length),
          );
          // What arrives at an instance that has not asked the others for longer decides on its own, once.
          expect(admitted.length).toBeLessThanOrEqual(limit + busiest + instances);
          if (instances === 1) expect(admitted.length).toBe(Math.min(limit, asked.length));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("are exchanged at most every 2 s, and one at a time", async () => {
    const rate = requestRate();
    const clock = movableClock();
    const documents = memoryDocuments(clock);
    rate.count("acme", 10, clock.now());

    const first = rate.exchange("acme", clock.now(), documents);
    const meanwhile = rate.exchange("acme", new Date(clock.now().getTime() + 5_000), documents);
    await first;
    clock.advance(1_999);
    const early = rate.exchange("acme", clock.now(), documents);
    clock.advance(1);
    const due = rate.exchange("acme", clock.now(), documents);
    await due;
    await documents.close();

    expect([first, due].every((each) => each !== undefined)).toBe(true);
    expect([meanwhile, early]).toEqual([undefined, undefined]);
  });

  it("go on being counted here while the store is down, and reach the others once it is back", async () => {
    const clock = movableClock();
    const store = memoryDocuments(clock);
    const down = {
      ...store,
      transaction: () => Promise.reject(new AppError("DOCUMENTS_UNAVAILABLE", "down")),
    } as unknown as Documents;
    const [one, other] = [requestRate(), requestRate()];

    for (let call = 0; call < 5; call++) one.count("acme", 8, clock.now());
    await expect(one.exchange("acme", clock.now(), down)).rejects.toMatchObject({ code: "DOCUMENTS_UNAVAILABLE" });
    clock.advance(2_000);
    await one.exchange("acme", clock.now(), store);
    await other.exchange("acme", clock.now(), store);
    const left = other.count("acme", 8, clock.now()).remaining;
    await store.close();

    expect(left).toBe(2);
  });
});
