import { chargeRow } from "#scripts/e2e/charges.fixture.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { DayState, ProviderAdapter, PullContext, Pulled, Row } from "#shared/providers/provider.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { ProviderFault } from "./plan.ts";

/** What the provider bills: a version of each day that grows with every restatement. */
export class SimulatedProvider {
  readonly #restatements: { day: string; turn: number }[] = [];
  readonly #faults: Map<number, ProviderFault>;
  #calls = 0;

  constructor(faults: readonly ProviderFault[]) {
    this.#faults = new Map(faults.map((fault) => [fault.at, fault]));
  }

  /** Nothing fails any more. */
  calm(): void {
    this.#faults.clear();
  }

  restate(day: string, turn: number): void {
    this.#restatements.push({ day, turn });
  }

  /** How often the day had been restated before this turn of the simulation; without one: by now. */
  versionAt(day: string, turn = Number.POSITIVE_INFINITY): number {
    return this.#restatements.filter((one) => one.day === day && one.turn < turn).length;
  }

  /** Throws what this call is to fail with. */
  answer(): void {
    this.#calls += 1;
    const fault = this.#faults.get(this.#calls);
    if (fault === undefined) return;
    const { code, retryAfterSeconds } = fault;
    throw new AppError(code, "the provider of the simulation", { retryable: true, retryAfterSeconds });
  }
}

/** Two charges of a day, each of which shows the version: a mixture of two versions shows as neither. */
export function amountsOf(day: string, version: number): [string, string] {
  const number = String(version).padStart(3, "0");
  return [`${Number(day.slice(8))}.${number}000`, `7.000${number}`];
}

interface Page {
  /** One turn of the process, and the time the provider takes. */
  turn(signal: AbortSignal): Promise<void>;
  version(day: string): number;
}

/** An adapter that pulls day by day, a page each, and stops at a page when its process has worked long enough. */
export function simulatedAdapter(page: Page): ProviderAdapter {
  const costs = async (context: PullContext): Promise<Pulled> => {
    const asked = [...context.days].sort();
    let next = (context.checkpoint as number | undefined) ?? 0;
    const rows: Row[] = [];
    const states: Record<string, DayState> = {};
    do {
      const day = asked[next] ?? "";
      await page.turn(context.signal);
      const amounts = amountsOf(day, page.version(day));
      rows.push(...amounts.map((amount, at) => billedRow(context.accountId, day, amount, `${day} ${at}`)));
      states[day] = "complete";
      next += 1;
    } while (next < asked.length && context.isTimeUp?.() !== true);
    const pulled = { rows: { genai_billed_daily_raw: rows }, days: states, findings: [], warnings: [] };
    return next < asked.length ? { ...pulled, next } : pulled;
  };
  const usage = async ({ days, signal }: PullContext): Promise<Pulled> => {
    await page.turn(signal);
    const states = Object.fromEntries(days.map((day) => [day, "complete" as const]));
    return { rows: {}, days: states, findings: [], warnings: [] };
  };
  return {
    ...openai,
    processors: { "openai.costs": costs, "openai.usage": usage },
    focusRows: async ({ days, rows }) => ({
      rows: { cost_data_standard: (rows["genai_billed_daily_raw"] ?? []).map(costRow) },
      days,
      findings: [],
      warnings: [],
    }),
  };
}

function billedRow(account: string, day: string, amount: string, id: string): Row {
  return {
    ...{ usage_date: day, provider: "openai", account_id: account, line_item: "simulated", cost_type: "tokens" },
    ...{ charge_category: "Usage", amount, currency: "USD", provider_amount: amount, provider_unit: "major" },
    ...{ cost_basis: "provider_reported", cost_status: "exact", x_source_record_id: id },
  };
}

function costRow(raw: Row): Row {
  const [day, id] = [String(raw["usage_date"]), String(raw["x_source_record_id"])];
  return chargeRow({ day, billed: String(raw["amount"]), id });
}
