import type { Change } from "#shared/runtime/change.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import type { Applicant } from "./onboarding-request.ts";
import { datasetIdOf, type OrgDocument, orgPath } from "./organization.ts";

/** A slug that one onboarding holds until it is finished, has failed, or its lease has ended. */
export interface HeldSlug {
  key: string;
  /** As the first attempt spelled it: what that one made carries this spelling. */
  slug: string;
  orgId: string;
  /** Grows with every attempt: one that lost its lease finishes and releases nothing. */
  attempt: number;
  isResumed: boolean;
}

const leaseMilliseconds = 300_000;

/**
 * Takes the slug for a new organization, or takes up an attempt that ended half-way, by the same `admin_email`. Throws
 * `ORG_EXISTS`, and `ONBOARDING_IN_PROGRESS` while another attempt is at work or was somebody else's.
 */
export async function takeSlug(
  applicant: Applicant,
  change: Change,
  given: Pick<Surroundings, "ids"> & { config: Configuration },
): Promise<HeldSlug> {
  const { body, readAt } = await change.get<OrgDocument>(orgPath(applicant.key));
  const fingerprint = applicant.adminEmail.toLowerCase();
  refuseTaken(body, fingerprint, readAt);
  const held: HeldSlug = {
    key: applicant.key,
    slug: body?.slug ?? applicant.slug,
    orgId: body?.orgId ?? given.ids.newId("org"),
    attempt: (body?.onboarding?.attempt ?? 0) + 1,
    isResumed: body !== undefined,
  };
  const leaseUntil = new Date(readAt.getTime() + leaseMilliseconds).toISOString();
  change.set<OrgDocument>(orgPath(applicant.key), {
    slug: held.slug,
    orgId: held.orgId,
    state: "PROVISIONING",
    companyName: applicant.companyName,
    adminEmail: applicant.adminEmail,
    locale: applicant.locale,
    dataset: { id: datasetIdOf(held.slug, given.config), location: applicant.location },
    onboarding: { leaseUntil, fingerprint, attempt: held.attempt },
    onboardedAt: null,
    trialUsed: false,
    ledgerEpoch: 1,
    cacheEpoch: 1,
  });
  return held;
}

/** The slug's document while it is this attempt's; throws as `takeSlug` when another one has taken it over. */
export function stillHeld(held: HeldSlug, stored: OrgDocument | undefined): OrgDocument {
  if (stored?.state !== "PROVISIONING" || stored.orgId !== held.orgId) throw exists();
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

function refuseTaken(body: OrgDocument | undefined, fingerprint: string, now: Date): void {
  if (body === undefined) return;
  if (body.state !== "PROVISIONING") throw exists();
  const left = Date.parse(body.onboarding?.leaseUntil ?? "") - now.getTime();
  if (left > 0 || body.onboarding?.fingerprint !== fingerprint) throw inProgress(Math.max(1, Math.ceil(left / 1000)));
}

function exists(): AppError {
  return new AppError("ORG_EXISTS", "An organization of this name exists.");
}

function inProgress(retryAfterSeconds: number): AppError {
  return new AppError("ONBOARDING_IN_PROGRESS", "An organization of this name is being made.", { retryAfterSeconds });
}
