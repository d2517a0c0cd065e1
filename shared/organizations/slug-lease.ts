import { comparableEmail } from "#shared/people/email.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import { setOrgTimer, type TimerDocument, timerPath } from "#shared/timers/timers.ts";
import type { Applicant } from "./onboarding-request.ts";
import { datasetIdOf, type OrgDocument, orgPath } from "./organization.ts";

/** A slug that one onboarding holds until it is finished, has failed, or its lease has ended. */
export interface HeldSlug {
  key: string;
  /** As the first attempt spelled it: what that one made carries this spelling. */
  slug: string;
  orgId: string;
  dataset: OrgDocument["dataset"];
  /** Grows with every attempt: one that lost its lease finishes and releases nothing. */
  attempt: number;
  /** An earlier attempt is taken up. */
  isResumed: boolean;
  /** A deleted organization comes back. */
  isReturning: boolean;
}

const leaseMilliseconds = 300_000;
const abandonedMilliseconds = 86_400_000;

/** Timer that clears away what an onboarding left that nobody took up. */
export const provisioningTimer = "provisioning";
/** Timer that drops the dataset of a deleted organization until it is gone. */
export const datasetDropTimer = "dataset-drop";

/**
 * Takes the slug for a new organization, takes up an attempt that ended half-way, or brings a deleted organization back;
 * the latter two by the same `admin_email`. `hasDataset`: whether its dataset stands; without it the ledger of one that
 * comes back begins a new epoch. Throws `ORG_EXISTS`, `ORG_SLUG_RETIRED`, and `ONBOARDING_IN_PROGRESS` while another
 * attempt is at work, was somebody else's, or the old dataset is being dropped.
 */
export async function takeSlug(
  applicant: Applicant,
  hasDataset: boolean,
  change: Change,
  given: Pick<Surroundings, "ids"> & { config: Configuration },
): Promise<HeldSlug> {
  const { key } = applicant;
  const [org, drop] = await change.getAll<object>([
    orgPath(key),
    timerPath(datasetDropTimer, key),
    timerPath(provisioningTimer, key),
  ]);
  const now = org?.readAt ?? change.now;
  const stored = org?.body as OrgDocument | undefined;
  refuseTaken(stored, comparableEmail(applicant.adminEmail), now);
  if (drop?.body !== undefined) throw inProgress(60);
  const before = stored?.state === "ERASED" ? undefined : stored;
  const base = before ?? newDocument(applicant, given);
  const isReturning = (base.deletedAt ?? null) !== null;
  const onboarding = {
    leaseUntil: after(now, leaseMilliseconds),
    fingerprint: comparableEmail(applicant.adminEmail),
    attempt: (before?.onboarding?.attempt ?? 0) + 1,
  };
  const ledgerEpoch = isReturning && !hasDataset ? base.ledgerEpoch + 1 : base.ledgerEpoch;
  change.set<OrgDocument>(orgPath(key), { ...base, state: "PROVISIONING", ledgerEpoch, onboarding });
  setOrgTimer({ kind: provisioningTimer, org: key, dueAt: after(now, abandonedMilliseconds) }, change);
  return {
    key,
    slug: base.slug,
    orgId: base.orgId,
    dataset: base.dataset,
    attempt: onboarding.attempt,
    isResumed: before?.state === "PROVISIONING",
    isReturning,
  };
}

/** The slug's document while it is this attempt's; throws as `takeSlug` when another one has taken it over. */
export function stillHeld(held: HeldSlug, stored: OrgDocument | undefined): OrgDocument {
  if (stored?.state !== "PROVISIONING" || stored.orgId !== held.orgId) throw slugTaken();
  if (stored.onboarding?.attempt !== held.attempt) throw inProgress(1);
  return stored;
}

/** Ends the lease, so that the next call may go on at once. */
export async function releaseSlug(held: HeldSlug, change: Change): Promise<void> {
  const { body, readAt } = await change.get<OrgDocument>(orgPath(held.key));
  if (body?.state !== "PROVISIONING" || body.onboarding?.attempt !== held.attempt) return;
  change.set<OrgDocument>(orgPath(held.key), {
    ...body,
    onboarding: { ...body.onboarding, leaseUntil: readAt.toISOString() },
  });
}

/**
 * Clears away an attempt that nobody took up for a day: a deleted organization is deleted again, any other slug is free.
 * Its dataset stays. An attempt that may still be at work is left alone until its lease ends.
 */
export async function clearAbandoned({ org: key }: TimerDocument, change: Change): Promise<Settled> {
  if (key === null) return "done";
  const { body, readAt } = await change.get<OrgDocument>(orgPath(key));
  if (body?.state !== "PROVISIONING") return "done";
  const leaseUntil = body.onboarding?.leaseUntil ?? readAt.toISOString();
  if (Date.parse(leaseUntil) > readAt.getTime()) return { again: leaseUntil };
  if ((body.deletedAt ?? null) === null) change.delete(orgPath(key));
  else change.set<OrgDocument>(orgPath(key), { ...body, state: "DELETED", onboarding: null });
  return "done";
}

function newDocument(applicant: Applicant, given: Pick<Surroundings, "ids"> & { config: Configuration }): OrgDocument {
  const { slug, companyName, adminEmail, locale, location } = applicant;
  return {
    slug,
    orgId: given.ids.newId("org"),
    state: "PROVISIONING",
    companyName,
    adminEmail,
    locale,
    dataset: { id: datasetIdOf(slug, given.config), location },
    onboarding: null,
    onboardedAt: null,
    trialUsed: false,
    ledgerEpoch: 1,
    cacheEpoch: 1,
  };
}

function refuseTaken(body: OrgDocument | undefined, fingerprint: string, now: Date): void {
  if (body === undefined || body.state === "ERASED") return;
  if (body.state === "ACTIVE") throw slugTaken();
  if (body.state === "DELETED") {
    if (comparableEmail(body.adminEmail) !== fingerprint) throw slugRetired();
    return;
  }
  const left = Date.parse(body.onboarding?.leaseUntil ?? "") - now.getTime();
  if (left > 0 || body.onboarding?.fingerprint !== fingerprint) throw inProgress(Math.max(1, Math.ceil(left / 1000)));
}

export function slugTaken(): AppError {
  return new AppError("ORG_EXISTS", "An organization of this name exists.");
}

export function slugRetired(): AppError {
  return new AppError("ORG_SLUG_RETIRED", "This name belonged to an organization whose data is not erased yet.");
}

function inProgress(retryAfterSeconds: number): AppError {
  return new AppError("ONBOARDING_IN_PROGRESS", "An organization of this name is being made.", { retryAfterSeconds });
}

function after(now: Date, milliseconds: number): string {
  return new Date(now.getTime() + milliseconds).toISOString();
}
