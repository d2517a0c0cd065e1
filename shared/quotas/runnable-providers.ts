import { AppError } from "#shared/runtime/errors.ts";

/** Connected providers by slug, with the instant of their first activation (RFC 3339). */
export type ConnectedSince = Readonly<Record<string, { since: string }>>;

/**
 * The providers that runs may use: when more are connected than the plan takes, the oldest (first activation, then
 * name). Null is unlimited. Nothing is disconnected and their data stays. Source: `organizations.md` 5.
 */
export function runnableProviders(connected: ConnectedSince, limit: number | null): ReadonlySet<string> {
  const oldest = Object.entries(connected).sort(
    ([slug, { since }], [otherSlug, { since: otherSince }]) =>
      Date.parse(since) - Date.parse(otherSince) || (slug < otherSlug ? -1 : 1),
  );
  return new Set(oldest.slice(0, limit ?? oldest.length).map(([slug]) => slug));
}

/** Throws `PLAN_LIMIT_REACHED` for a run of a provider that is connected but over the limit. */
export function refuseOverLimit(provider: string, connected: ConnectedSince, limit: number | null): void {
  if (!Object.hasOwn(connected, provider) || runnableProviders(connected, limit).has(provider)) return;
  throw new AppError("PLAN_LIMIT_REACHED", `Plan limit reached. Max providers: ${limit}.`, {
    extra: { quota: "providers" },
    fields: [{ path: "/quota/providers", problem: `limit of ${limit} is reached; the oldest ${limit} stay runnable` }],
  });
}
