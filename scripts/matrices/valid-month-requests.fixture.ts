import type { Example, Making } from "./making.fixture.ts";

/** Months that are over; each example has one of its own. */
export function monthRequests(): Record<string, Example> {
  const closed = async ({ alpha, made }: Making, month: string): Promise<Record<string, string>> => {
    await made("POST", `/costs/${alpha.slug}/months/${month}/close`, { accept_incomplete: true });
    return { month };
  };
  return {
    "cost-month-close": () => ({ params: { month: "2025-01" }, body: { accept_incomplete: true } }),
    "cost-month-reopen": async (at) => ({
      params: await closed(at, "2025-02"),
      body: { reason: "a late invoice" },
    }),
    "cost-adjustment-create": async (at) => ({
      params: await closed(at, "2025-03"),
      body: { amount: "-1.5", currency: "USD", provider: "openai", service: "OpenAI API", reason: "a credit note" },
    }),
  };
}
