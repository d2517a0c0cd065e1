import { createHash } from "node:crypto";
import type { RateLimiterMemory } from "rate-limiter-flexible";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "./errors.ts";

/** What is left in the window that a request was counted in. */
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
  /** Counts a failed credential; true when the address has had too many. */
  countFailedCredential(address: string): Promise<boolean>;
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
    countRequest: async (credentialId) => {
      const state = await consume(requests, credentialId);
      if (state.remaining < 0) throw limited(state.resetSeconds);
      return { limit: requestsPerMinute, remaining: state.remaining, resetSeconds: state.resetSeconds };
    },
    countFailedCredential: async (address) => (await consume(failures, networkOf(address))).remaining < 0,
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<{ remaining: number; resetSeconds: number }> {
  const used = await limiter.penalty(key, 1);
  return {
    remaining: limiter.points - used.consumedPoints,
    resetSeconds: Math.max(1, Math.ceil(used.msBeforeNext / 1000)),
  };
}

/** An exact limit over all instances: one document per scope and fixed UTC minute. 429 `RATE_LIMITED` above it. */
export async function countExactly(scope: string, limit: number, documents: Documents): Promise<RateState> {
  const id = createHash("sha256").update(scope, "utf8").digest("hex");
  return documents.transaction(async (tx) => {
    const { body, readAt } = await tx.get<WindowDocument>(`rateLimits/${id}`);
    const now = readAt.getTime();
    const windowEnd = (Math.floor(now / (windowSeconds * 1000)) + 1) * windowSeconds * 1000;
    const count = body !== undefined && Date.parse(body.windowEnd) === windowEnd ? body.count : 0;
    const resetSeconds = Math.max(1, Math.ceil((windowEnd - now) / 1000));
    if (count >= limit) throw limited(resetSeconds);
    const end = new Date(windowEnd).toISOString();
    tx.set<WindowDocument>(`rateLimits/${id}`, { count: count + 1, windowEnd: end, expireAt: end });
    return { limit, remaining: limit - count - 1, resetSeconds };
  });
}

export function limited(retryAfterSeconds: number): AppError {
  return new AppError("RATE_LIMITED", `Too many requests; try again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
}

/** IPv6 counts by /64: one household has that many addresses. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  return address.split(":").slice(0, 4).join(":");
}
