import { createHash } from "node:crypto";
import type { RateLimiterMemory } from "rate-limiter-flexible";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { AppError } from "./errors.ts";

/** What is left in the window that a request was counted in; less than nothing for one request too many. */
export interface RateState {
  limit: number;
  remaining: number;
  resetSeconds: number;
}

/** Document `rateLimits/{sha256 of scope, window}`. */
export interface WindowDocument {
  count: number;
  windowEnd: string;
  expireAt: string;
}

/** So many calls of one scope in each fixed UTC window of so many seconds. */
export interface CallWindow {
  scope: string;
  times: number;
  windowSeconds: number;
}

const failedCredentialsPerMinute = 20;

/** What each instance counts for itself (`organizations.md` 10): it bounds abuse, never money. */
export interface InstanceLimits {
  countFailedCredential(address: string, now: Date): Promise<RateState>;
}

export function instanceLimits(): InstanceLimits {
  let failures: Promise<RateLimiterMemory> | undefined;
  return {
    countFailedCredential: async (address, now) => {
      failures ??= failureLimiter();
      return consume(await failures, networkOf(address), now.getTime());
    },
  };
}

async function failureLimiter(): Promise<RateLimiterMemory> {
  // The limiter's own file: the package's index loads those of every kind of store.
  const { default: Limiter } = await import("rate-limiter-flexible/lib/RateLimiterMemory.js");
  return new Limiter({ points: failedCredentialsPerMinute, duration: 60, keyPrefix: "f" });
}

/** The limiter's own windows begin with a first call; the UTC minute in the key makes them end with it. */
async function consume(limiter: RateLimiterMemory, key: string, now: number): Promise<RateState> {
  const end = windowEnd(now, limiter.duration);
  const used = await limiter.penalty(`${end} ${key}`, 1);
  return {
    limit: limiter.points,
    remaining: limiter.points - used.consumedPoints,
    resetSeconds: Math.max(1, Math.ceil((end - now) / 1000)),
  };
}

/**
 * Counts a call in every window at once, exactly, over all instances, or - when it is one too many for any of them - in
 * none. Answers the tightest window: of those it exceeds the one that ends last, else the one with the least left.
 */
export function countExactly(windows: readonly CallWindow[], documents: Documents): Promise<RateState> {
  return documents.transaction((tx) => countWithin(windows, tx));
}

/** `countExactly` inside a transaction of the caller's; reads first, then writes. */
export async function countWithin(windows: readonly CallWindow[], tx: Transaction): Promise<RateState> {
  const stored = await tx.getAll<WindowDocument>(windows.map(windowPath));
  const counted = windows.map((window, at) => {
    const { body, readAt } = stored[at] ?? { body: undefined, readAt: new Date(0) };
    const now = readAt.getTime();
    const end = windowEnd(now, window.windowSeconds);
    const count = body !== undefined && Date.parse(body.windowEnd) === end ? body.count : 0;
    const resetSeconds = Math.max(1, Math.ceil((end - now) / 1000));
    const state = { limit: window.times, remaining: window.times - count - 1, resetSeconds };
    return { path: windowPath(window), end: new Date(end).toISOString(), count, state };
  });
  const states = counted.map(({ state }) => state);
  const exceeded = states.filter(({ remaining }) => remaining < 0).sort((a, b) => b.resetSeconds - a.resetSeconds)[0];
  if (exceeded !== undefined) return exceeded;
  for (const { path, end, count } of counted)
    tx.set<WindowDocument>(path, { count: count + 1, windowEnd: end, expireAt: end });
  return states.sort((a, b) => a.remaining - b.remaining)[0] ?? { limit: 0, remaining: 0, resetSeconds: 1 };
}

/** The end of the fixed UTC window that holds the instant, in milliseconds like it. */
export function windowEnd(now: number, windowSeconds: number): number {
  return (Math.floor(now / (windowSeconds * 1000)) + 1) * windowSeconds * 1000;
}

export function windowPath({ scope, windowSeconds }: Omit<CallWindow, "times">): string {
  const id = createHash("sha256")
    .update(JSON.stringify([scope, windowSeconds]), "utf8")
    .digest("hex");
  return `rateLimits/${id}`;
}

/** Throws 429 `RATE_LIMITED` for a request too many. */
export function refuseExceeded({ remaining, resetSeconds }: RateState): void {
  if (remaining >= 0) return;
  throw new AppError("RATE_LIMITED", `Too many requests; try again in ${resetSeconds} s.`, {
    retryAfterSeconds: resetSeconds,
  });
}

/** The headers that tell a caller where it stands, under their standard and their older names. */
export function rateHeaders({ limit, remaining, resetSeconds }: RateState): Record<string, string> {
  const values = { limit, remaining: Math.max(0, remaining), reset: resetSeconds };
  return Object.fromEntries(
    ["ratelimit", "x-ratelimit"].flatMap((prefix) =>
      Object.entries(values).map(([name, value]) => [`${prefix}-${name}`, String(value)]),
    ),
  );
}

/** What counts as one caller: an IPv4 address, written as either kind, or the /64 of an IPv6 one, which one household has. */
export function networkOf(address: string): string {
  const version4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (version4 !== undefined) return version4;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const groups = (text: string | undefined): string[] => (text ? text.split(":") : []);
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups(head).length - groups(tail).length);
  const whole = [...groups(head), ...Array.from({ length: missing }, () => "0"), ...groups(tail)];
  return whole
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":");
}
