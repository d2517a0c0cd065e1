import type { OrgIdentity } from "#shared/access/caller.ts";
import { type PlanLimits, plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { subscriptionInactive } from "#shared/runtime/subscription-gate.ts";
import {
  admitted,
  dayOf,
  emptyQuota,
  type QuotaDocument,
  type QuotaUnit,
  type Refusal,
  refusalOf,
  rolled,
} from "./quota.ts";
import { quotaHistoryRow } from "./quota-history.ts";
import { runUses, withWarnings } from "./quota-warning.ts";
import { inTurn } from "./turn.ts";

export type ReservePorts = { documents: Documents; topics: Topics } & Pick<Surroundings, "clock" | "ids" | "metrics">;

/** A run that asks for a unit and a slot. Its verbs run inside the shared transaction and may run again. */
export interface Reservation<R> {
  runId: string;
  /** Two reservations with the same key are one run. */
  uniqueKey: string;
  /** Paths that `existing` and `admit` need read. */
  reads: readonly string[];
  prepare(change: Change): Promise<void>;
  /** The answer for a run that stands already; it is given before quota is looked at. */
  existing(read: Snapshots, change: Change): R | undefined;
  /** Throws what refuses the run for a reason other than quota. */
  check(read: Snapshots, limits: PlanLimits): void;
  admit(unit: QuotaUnit, change: Change): R;
  /** Several runs that are admitted together or not at all, each with such a unit; they have a transaction to themselves. */
  runIds?(read: Snapshots): readonly string[];
  /** Takes the run without unit and slot where only a slot is missing; without it that is a refusal. */
  wait?(change: Change): R;
  /** How long the slot is held before it is first extended; 900 unless said otherwise. */
  slotSeconds?: number;
  /** The answer when another request of the same transaction was admitted under the same key. */
  repeat(first: R, change: Change): R;
}

export interface Snapshots {
  get<T extends object>(path: string): Snapshot<T> | undefined;
}

interface Waiting {
  reservation: Reservation<unknown>;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

interface Line {
  waiting: Waiting[];
  isMoving: boolean;
}

const maximumAdmissions = 100;
/** A transaction that only refuses writes nothing, so more of them may share one. */
const maximumRefusals = 500;
/** So many admissions in one commit are worth a turn among the processes. */
const longLine = 20;
const lines = new WeakMap<Documents, Map<string, Line>>();

export function quotaPath(org: OrgIdentity): string {
  return `orgs/${org.key}/quota/current`;
}

/**
 * Reserves a unit and a slot for the run, exactly, for any number of processes. Requests of one organization that wait
 * in this process share a transaction, in the order of their arrival. Throws `QUOTA_EXCEEDED` or `SUBSCRIPTION_INACTIVE`;
 * a refusal writes nothing.
 */
export function reserve<R>(org: OrgIdentity, reservation: Reservation<R>, ports: ReservePorts): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    const line = lineOf(org, ports.documents);
    line.waiting.push({
      reservation: reservation as Reservation<unknown>,
      resolve: resolve as (answer: unknown) => void,
      reject,
    });
    if (!line.isMoving) void move(org, line, ports);
  });
}

function lineOf(org: OrgIdentity, documents: Documents): Line {
  const ofStore = lines.get(documents) ?? new Map<string, Line>();
  lines.set(documents, ofStore);
  const line = ofStore.get(org.key) ?? { waiting: [], isMoving: false };
  ofStore.set(org.key, line);
  return line;
}

async function move(org: OrgIdentity, line: Line, ports: ReservePorts): Promise<void> {
  line.isMoving = true;
  // Whoever arrives in the same turn of the event loop shares the first transaction too.
  await new Promise((resolve) => setImmediate(resolve));
  let isExhausted = false;
  while (line.waiting.length > 0) {
    const together: Waiting[] = line.waiting.splice(0, isExhausted ? maximumRefusals : maximumAdmissions);
    const decide = () => commitChange((change) => decideTogether(org, together, change, ports), ports);
    const isLarge = together.length >= longLine && !isExhausted;
    try {
      const outcomes: Outcome[] = await (isLarge ? inTurn(org, decide, ports) : decide());
      line.waiting.unshift(...together.slice(outcomes.length));
      isExhausted = outcomes.every(isRefused);
      for (const [at, outcome] of outcomes.entries()) deliver(together[at], outcome, ports);
    } catch (error) {
      for (const one of together) one.reject(error);
    }
  }
  line.isMoving = false;
  lines.get(ports.documents)?.delete(org.key);
}

type Outcome = { answer: unknown } | { error: unknown; refusal?: Refusal };

function isRefused(outcome: Outcome): boolean {
  return "refusal" in outcome;
}

function deliver(one: Waiting | undefined, outcome: Outcome, ports: ReservePorts): void {
  if ("answer" in outcome) {
    one?.resolve(outcome.answer);
    return;
  }
  if (outcome.refusal !== undefined) ports.metrics.count("ca_quota_refusals_total", { limit: outcome.refusal.limit });
  one?.reject(outcome.error);
}

/** Outcomes for the first requests of the line, at most a hundred admissions. Reads first, then all decisions and writes. */
async function decideTogether(
  org: OrgIdentity,
  together: readonly Waiting[],
  change: Change,
  ports: ReservePorts,
): Promise<Outcome[]> {
  const catalogue = await plans();
  const paths = [...new Set(together.flatMap(({ reservation }) => reservation.reads))];
  const [subscription, stored, ...others] = await change.getAll<object>([
    subscriptionPath(org),
    quotaPath(org),
    ...paths,
  ]);
  const unprepared = await prepareAll(together, change);
  const byPath = new Map(others.map((snapshot) => [snapshot.path, snapshot]));
  const read: Snapshots = { get: <T extends object>(path: string) => byPath.get(path) as Snapshot<T> | undefined };
  const now = stored?.readAt ?? ports.clock.now();
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, catalogue, now);
  const counters = rolled((stored?.body as QuotaDocument | undefined) ?? emptyQuota(now), now);
  const batch = new Batch(effective, counters, now);
  const outcomes: Outcome[] = [];
  for (const { reservation } of together) {
    if (batch.admissions >= maximumAdmissions || batch.isClosedTo(reservation)) break;
    const error = unprepared.get(reservation);
    outcomes.push(error === undefined ? batch.decide(reservation, read, change) : { error });
  }
  if (batch.admissions > 0) {
    const { limits } = effective;
    const quota = withWarnings(org, batch.quota, runUses(batch.quota, limits), change);
    change.set<QuotaDocument>(quotaPath(org), quota);
    change.history(quotaHistoryRow(org, quota, limits, { version: (stored?.version ?? 0) + 1, now }));
  }
  return outcomes;
}

/** What kept a request from being prepared, e.g. its idempotency key: it concerns that request alone. */
async function prepareAll(
  together: readonly Waiting[],
  change: Change,
): Promise<ReadonlyMap<Reservation<unknown>, AppError>> {
  const unprepared = new Map<Reservation<unknown>, AppError>();
  const prepare = async ({ reservation }: Waiting): Promise<void> => {
    try {
      await reservation.prepare(change);
    } catch (error) {
      // A store that does not answer is everybody's failure.
      if (!isAppError(error) || error.retryable) throw error;
      unprepared.set(reservation, error);
    }
  };
  await Promise.all(together.map(prepare));
  return unprepared;
}

/** The state of one shared transaction while its requests are decided one after the other. */
class Batch {
  readonly effective: EffectiveSubscription;
  readonly now: Date;
  quota: QuotaDocument;
  admissions = 0;
  readonly admittedAs = new Map<string, unknown>();
  hasSeveral = false;

  constructor(effective: EffectiveSubscription, quota: QuotaDocument, now: Date) {
    this.effective = effective;
    this.quota = quota;
    this.now = now;
  }

  decide(reservation: Reservation<unknown>, read: Snapshots, change: Change): Outcome {
    try {
      if (!this.effective.canRun) throw subscriptionInactive(this.effective);
      reservation.check(read, this.effective.limits);
      const existing = reservation.existing(read, change);
      if (existing !== undefined) return { answer: existing };
      const first = this.admittedAs.get(reservation.uniqueKey);
      if (first !== undefined) return { answer: reservation.repeat(first, change) };
      const runIds = reservation.runIds?.(read) ?? [reservation.runId];
      const taken = this.taken(runIds, reservation.slotSeconds);
      if (!("refusal" in taken)) return { answer: this.admit(reservation, taken, change) };
      const { refusal } = taken;
      if (refusal.limit !== "concurrent" || reservation.wait === undefined)
        return { error: quotaExceeded(refusal, this.now), refusal };
      const answer = reservation.wait(change);
      this.remember(reservation, answer);
      return { answer };
    } catch (error) {
      if (error instanceof AppError) return { error };
      throw error;
    }
  }

  /** What several runs write may be what another run of the same transaction has written. */
  isClosedTo(reservation: Reservation<unknown>): boolean {
    return this.hasSeveral || (reservation.runIds !== undefined && this.admittedAs.size > 0);
  }

  /** Units and slots for all of the runs, or what refuses the first that gets none. */
  taken(
    runIds: readonly string[],
    slotSeconds: number | undefined,
  ): { quota: QuotaDocument; unit: QuotaUnit; count: number } | { refusal: Refusal } {
    let { quota } = this;
    let unit: QuotaUnit = { day: quota.day, month: quota.month, state: "held" };
    for (const runId of runIds) {
      const refusal = refusalOf(quota, this.effective.limits, this.now);
      if (refusal !== undefined) return { refusal };
      ({ quota, unit } = admitted(quota, runId, this.now, slotSeconds));
    }
    return { quota, unit, count: runIds.length };
  }

  admit(
    reservation: Reservation<unknown>,
    taken: { quota: QuotaDocument; unit: QuotaUnit; count: number },
    change: Change,
  ): unknown {
    const answer = reservation.admit(taken.unit, change);
    this.quota = taken.quota;
    this.admissions += taken.count;
    this.remember(reservation, answer);
    return answer;
  }

  remember(reservation: Reservation<unknown>, answer: unknown): void {
    this.admittedAs.set(reservation.uniqueKey, answer);
    this.hasSeveral = reservation.runIds !== undefined;
  }
}

function quotaExceeded(refusal: Refusal, now: Date): AppError {
  const { limit, limitValue, retryAfterSeconds } = refusal;
  const messages = {
    daily: `Daily pipeline limit of ${limitValue} is reached; it resets at 00:00 UTC.`,
    monthly: `Monthly pipeline limit of ${limitValue} is reached; it resets on the first of the next month, 00:00 UTC (today is ${dayOf(now)}).`,
    concurrent: `Concurrent pipeline limit of ${limitValue} is reached; a slot is free in ${retryAfterSeconds} s at the latest, or sooner.`,
  };
  return new AppError("QUOTA_EXCEEDED", messages[limit], {
    retryAfterSeconds,
    extra: { quota: limit },
    fields: [{ path: `/quota/${limit}`, problem: `limit of ${limitValue} is reached` }],
  });
}
