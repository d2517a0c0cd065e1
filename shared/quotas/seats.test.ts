import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { emptyQuota, type QuotaDocument } from "./quota.ts";
import { holdsSeat, seatsOf, withHold, withMember, withoutHold, withoutMember } from "./seats.ts";

const now = new Date("2026-08-10T12:00:00.000Z");
const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const week = later(7 * 86_400).toISOString();
const empty = emptyQuota(now);

describe("seats", () => {
  it("are refused for a second invite on two seats while the owner's invite is open, and free when it is over", () => {
    // `organizations.md` 6, last row of the last table.
    const open = withHold(empty, { inviteId: "inv_owner", until: null }, 2, now);
    const full = withHold(open, { inviteId: "inv_1", until: week }, 2, now);
    const second = { inviteId: "inv_2", until: later(8 * 86_400).toISOString() };

    expect(() => withHold(full, second, 2, now)).toThrow("Plan limit reached. Max seats: 2.");
    expect(seatsOf(withHold(withoutHold(full, "inv_1", now), second, 2, now), now)).toEqual({ used: 2, held: 2 });
    expect(Object.keys(withHold(full, second, 2, new Date(week)).holds)).toEqual(["inv_owner", "inv_2"]);
  });

  it("name limit and field where the plan has no more", () => {
    let refusal: unknown;
    try {
      withHold(empty, { inviteId: "inv_1", until: week }, 0, now);
    } catch (error) {
      refusal = error;
    }

    expect(refusal).toMatchObject({
      code: "PLAN_LIMIT_REACHED",
      extra: { quota: "seats" },
      fields: [{ path: "/quota/seats" }],
      retryAfterSeconds: undefined,
    });
  });

  it("are held until their instant and not at it", () => {
    const held = withHold(empty, { inviteId: "inv_1", until: later(60).toISOString() }, 1, now);

    expect(holdsSeat(held, "inv_1", later(59.999))).toBe(true);
    expect(holdsSeat(held, "inv_1", later(60))).toBe(false);
  });

  it("stay one when the hold is moved or becomes a member, also above a limit that was lowered", () => {
    const held = withHold(empty, { inviteId: "inv_1", until: week }, 1, now);

    const moved = withHold(held, { inviteId: "inv_1", until: later(8 * 86_400).toISOString() }, 0, now);
    const member = withMember(moved, "inv_1", 0, now);

    expect([held, moved, member].map((quota) => seatsOf(quota, now).used)).toEqual([1, 1, 1]);
    expect(member).toMatchObject({ members: 1, holds: {} });
  });

  it("are needed by whoever comes without a live hold", () => {
    const full = { ...empty, members: 1, holds: { inv_1: later(-1).toISOString() } };

    expect(() => withMember(full, "inv_1", 1, now)).toThrow("Max seats: 1.");
    expect(() => withMember(full, undefined, 1, now)).toThrow("Max seats: 1.");
    expect(withMember(full, "inv_1", 2, now).members).toBe(2);
    expect(withMember(full, "inv_1", null, now).members).toBe(2);
  });
});

type Event =
  | { does: "invite" | "accept" | "cancel" | "resend"; invite: number }
  | { does: "leave" }
  | { does: "pass"; seconds: number };

const invite = fc.nat(8);
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ does: fc.constantFrom("invite" as const, "accept", "cancel", "resend"), invite }),
  fc.record({ does: fc.constant("leave" as const) }),
  fc.record({ does: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 400_000 }) }),
);

describe("any history of invites, acceptances, cancellations, departures and waiting", () => {
  it("never uses more seats than there are, and never fewer than none", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), fc.array(event, { maxLength: 80 }), (limit, history) => {
        let quota: QuotaDocument = withoutHold(empty, "none", now);
        let clock = now;
        let people = 0;

        for (const one of history) {
          const id = "invite" in one ? `inv_${one.invite}` : "";
          const until = new Date(clock.getTime() + 7 * 86_400_000).toISOString();
          const attempt = (change: () => QuotaDocument, joined = 0): void => {
            try {
              quota = change();
              people += joined;
            } catch (error) {
              if (!isAppError(error, "PLAN_LIMIT_REACHED")) throw error;
            }
          };
          if (one.does === "pass") clock = new Date(clock.getTime() + one.seconds * 1000);
          if (one.does === "invite" || one.does === "resend")
            attempt(() => withHold(quota, { inviteId: id, until }, limit, clock));
          if (one.does === "accept") attempt(() => withMember(quota, id, limit, clock), 1);
          if (one.does === "cancel") attempt(() => withoutHold(quota, id, clock));
          if (one.does === "leave" && people > 0) attempt(() => withoutMember(quota, clock), -1);

          expect(seatsOf(quota, clock).used).toBeLessThanOrEqual(limit);
          expect(quota.members).toBe(people);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
