import { createHash } from "node:crypto";
import type { RateLimiterMemory } from "rate-limiter-flexible";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "./errors.ts";

/** What is left in the window that a request was counted in; less than nothing for one request too many. */
export interface RateState {
  limit: number;
  remaining: number;
  resetSeconds: number;
}

interface WindowDocument {
  count: number;
  windowEnd: string;
  expireAt: string;
}

const windowSeconds = 60;

/** Requests per minute of one organization on this instance; the plan's own figure comes with the plans' room. */
const requestsPerMinute = 600;
const failedCredentialsPerMinute = 20;

/** The limits that each instance counts for itself (`organizations.md` 10): they bound abuse, never money. */
export interface InstanceLimits {
  countRequest(credentialId: string): Promise<RateState>;
  countFailedCredential(address: string): Promise<RateState>;
}

export async function instanceLimits(): Promise<InstanceLimits> {
  const { RateLimiterMemory } = await import("rate-limiter-flexible");
  const requests = new RateLimiterMemory({ points: requestsPerMinute, duration: windowSeconds, keyPrefix: "r" });
  const failures = new RateLimiterMemory({
    points: failedCredentialsPerMinute,
    duration: windowSeconds,
    keyPrefix: "f",
  });
  return {
    countRequest: (credentialId) => consume(requests, credentialId),
    countFailedCredential: (address) => consume(failures, networkOf(address)),
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<RateState> {
  const used = await limiter.penalty(key, 1);
  return {
    limit: limiter.points,
    remaining: limiter.points - used.consumedPoints,
    resetSeconds: Math.max(1, Math.ceil(used.msBeforeNext / 1000)),
  };
}

/** An exact limit over all instances: one document per scope and fixed UTC minute. A request too many is not counted. */
export async function countExactly(scope: string, limit: number, documents: Documents): Promise<RateState> {
  const id = createHash("sha256").update(scope, "utf8").digest("hex");
  return documents.transaction(async (tx) => {
    const { body, readAt } = await tx.get<WindowDocument>(`rateLimits/${id}`);
    const now = readAt.getTime();
    const windowEnd = (Math.floor(now / (windowSeconds * 1000)) + 1) * windowSeconds * 1000;
    const count = body !== undefined && Date.parse(body.windowEnd) === windowEnd ? body.count : 0;
    const end = new Date(windowEnd).toISOString();
    if (count < limit) tx.set<WindowDocument>(`rateLimits/${id}`, { count: count + 1, windowEnd: end, expireAt: end });
    return { limit, remaining: limit - count - 1, resetSeconds: Math.max(1, Math.ceil((windowEnd - now) / 1000)) };
  });
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
function networkOf(address: string): string {
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
