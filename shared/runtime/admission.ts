import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { AnyHttpDeclaration, ExactLimit } from "./declaration.ts";
import type { Given, PortName } from "./ports.ts";
import { type CallWindow, countExactly, networkOf, type RateState, refuseExceeded } from "./rate-limits.ts";
import type { RequestRate } from "./request-rate.ts";
import { admittedPlan, type SubscriptionNeed } from "./subscription-gate.ts";

/** One verified request on its way in. */
export interface Admission {
  declaration: AnyHttpDeclaration;
  caller: Caller;
  org: OrgIdentity | undefined;
  /** Network address of the client. */
  address: string;
  requestRate: RequestRate;
  given: Given<PortName>;
  /** Told each time a limit was counted, so that an answer - also a refusal - says where the caller stands. */
  counted(rate: RateState): void;
  /** Work that the answer waits for and does not depend on. */
  beside(work: Promise<void>): void;
}

/**
 * The gate of the subscription, then the limits that need no body. Throws 403 `SUBSCRIPTION_INACTIVE` and 429
 * `RATE_LIMITED`; 503 when an exact limit cannot be counted. Order: `organizations.md` 4.
 */
export async function admitRequest(admission: Admission): Promise<void> {
  const { declaration, caller, org, given } = admission;
  const plan =
    org === undefined || caller.kind === "root" ? undefined : await admittedPlan(needOf(declaration), org, given);
  if (given.config.RATE_LIMIT_ENABLED !== "true") return;
  if (plan !== undefined && org !== undefined) countForPlan(org, plan.requestsPerMinute, admission);
  await countEach(limitsOf(declaration).filter(isBeforeBody), admission, undefined);
}

/** The limits that count by what stands in the body. Throws as `admitRequest`. */
export async function admitBody(admission: Admission, body: unknown): Promise<void> {
  if (admission.given.config.RATE_LIMIT_ENABLED !== "true") return;
  await countEach(
    limitsOf(admission.declaration).filter((limit) => !isBeforeBody(limit)),
    admission,
    body,
  );
}

/** Deny by default: only what plainly reads is open to an organization that may not run. */
function needOf({ subscription, method, handle }: AnyHttpDeclaration): SubscriptionNeed {
  return subscription ?? (method === "GET" && handle !== undefined ? "readable" : "running");
}

function countForPlan(org: OrgIdentity, limit: number, admission: Admission): void {
  const { requestRate, given } = admission;
  const now = given.clock.now();
  const rate = requestRate.count(org.key, limit, now);
  const exchange = requestRate.exchange(org.key, now, given.documents);
  if (exchange !== undefined) admission.beside(exchange);
  admission.counted(rate);
  refuseExceeded(rate);
}

function limitsOf({ perMinute, limits = [] }: AnyHttpDeclaration): readonly ExactLimit[] {
  const minute: ExactLimit[] =
    perMinute === undefined ? [] : [{ per: "organization", times: perMinute, windowSeconds: 60 }];
  return [...minute, ...limits];
}

function isBeforeBody({ per }: ExactLimit): boolean {
  return typeof per === "string";
}

async function countEach(limits: readonly ExactLimit[], admission: Admission, body: unknown): Promise<void> {
  if (limits.length === 0) return;
  const windows = limits.map(({ times, windowSeconds, ...limit }): CallWindow => {
    return { scope: scopeOf(limit, admission, body), times, windowSeconds };
  });
  const rate = await countExactly(windows, admission.given.documents);
  admission.counted(rate);
  refuseExceeded(rate);
}

function scopeOf({ name, per }: Pick<ExactLimit, "name" | "per">, admission: Admission, body: unknown): string {
  const { declaration, caller, org, address } = admission;
  const what = name ?? `${declaration.method} ${declaration.path}`;
  if (per === "organization") return JSON.stringify([what, "organization", org?.key ?? caller.credentialId]);
  if (per === "address") return JSON.stringify([what, "address", networkOf(address)]);
  return JSON.stringify([what, "body", per(body)]);
}
