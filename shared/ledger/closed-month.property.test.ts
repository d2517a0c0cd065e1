import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { type Books, freshBooks, type PulledCharge } from "./closed-month.fixture.ts";

/** Leap day and year end among them. */
const days = ["2028-02-10", "2028-02-29", "2028-03-05", "2027-12-31"];
const months = ["2027-12", "2028-02", "2028-03", "2028-04", "2028-05"];

type Step =
  | { kind: "pull"; day: string; amounts: readonly (string | null)[]; fence: "new" | "old"; crash: boolean }
  | { kind: "repeat" }
  | { kind: "close" | "reopen"; month: string };

const amount = fc.constantFrom(null, "1", "2.5", "-0.000000000001", "100000000000000.000000000001");
const step: fc.Arbitrary<Step & { wait: number }> = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("pull" as const),
        day: fc.constantFrom(...days),
        amounts: fc.tuple(amount, amount),
        fence: fc.constantFrom("new" as const, "new" as const, "old" as const),
        crash: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "repeat" as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("close" as const, "reopen" as const),
        month: fc.constantFrom(...months),
      }),
    },
  )
  .chain((one) => fc.nat({ max: 20 }).map((wait) => ({ ...one, wait })));

/** Carries steps out and knows what they must end in. */
class Story {
  readonly books: Books;
  private now = new Date("2028-03-20T00:00:00Z");
  private fence = 1;
  private last: (() => Promise<unknown>) | undefined;
  /** By day, of the newest pull. */
  private readonly newest = new Map<string, { fence: number; amounts: readonly (string | null)[] }>();
  readonly closed = new Map<string, string>();

  constructor(books: Books) {
    this.books = books;
  }

  async take(step: Step & { wait: number }): Promise<void> {
    this.now = new Date(this.now.getTime() + step.wait * 86_400_000);
    const on = this.now.toISOString().slice(0, 10);
    if (step.kind === "repeat") await this.last?.();
    else if (step.kind === "pull") await this.pull(step, on);
    else if (step.kind === "close" && !this.closed.has(step.month) && step.month < on.slice(0, 7)) {
      await this.books.close(step.month, on);
      this.closed.set(step.month, JSON.stringify(await this.books.billed(step.month)));
    } else if (step.kind === "reopen" && this.closed.has(step.month)) {
      await this.books.reopen(step.month, on).then(
        () => this.closed.delete(step.month),
        (error) => expect(error).toMatchObject({ code: "ADJUSTMENT_IN_CLOSED_MONTH" }),
      );
    }
  }

  private async pull(step: Extract<Step, { kind: "pull" }>, on: string): Promise<void> {
    const { day, amounts } = step;
    const known = this.newest.get(day);
    if (step.fence === "old" && known === undefined) return;
    const fence = step.fence === "old" ? (known?.fence ?? 1) - 1 : ++this.fence * 2;
    const charges = amounts.flatMap((one, at): PulledCharge[] =>
      one === null ? [] : [{ service: `s${at}`, amount: one }],
    );
    const pull = () => this.books.pull(day, charges, { on, fence, run: `run_${fence}_${this.fence}` });
    if (step.crash) await this.books.pull(day, charges, { on, fence, crash: true });
    await pull();
    this.last = pull;
    if (step.fence === "new") this.newest.set(day, { fence, amounts });
  }

  expected(): string {
    const all = [...this.newest.values()].flatMap(({ amounts }) => amounts.filter((one) => one !== null));
    return amountText(sumAmounts(all.map((one) => parseAmount(one))));
  }

  async booked(): Promise<string> {
    const sums = await Promise.all(
      [...months, "2028-06", "2028-07", "2028-08"].map((month) => this.books.billed(month)),
    );
    return amountText(sumAmounts(sums.flatMap((own) => Object.values(own)).map((one) => parseAmount(one))));
  }
}

describe("months that are closed, pulled again, reopened, with crashes and repeats, in any order", () => {
  it("say together what they would say had none been closed, and closed ones what they said when they were (I6, I10)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
        const books = await freshBooks();
        const story = new Story(books);
        try {
          for (const one of steps) {
            await story.take(one);

            expect(await story.booked()).toBe(story.expected());
            for (const [month, said] of story.closed) expect(JSON.stringify(await books.billed(month))).toBe(said);
          }
        } finally {
          await books.stop();
        }
      }),
      { numRuns: 15 },
    );
  }, 120_000);

  it("are changed by nothing that comes a second time (I2)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 8 }), async (steps) => {
        const books = await freshBooks();
        const story = new Story(books);
        try {
          for (const one of steps) await story.take(one);
          const versions = months.map((month) => books.head(month)?.ledgerVersion);
          const journal = books.journal().length;

          await story.take({ kind: "repeat", wait: 3 });

          expect(months.map((month) => books.head(month)?.ledgerVersion)).toEqual(versions);
          expect(books.journal()).toHaveLength(journal);
        } finally {
          await books.stop();
        }
      }),
      { numRuns: 6 },
    );
  }, 120_000);
});
