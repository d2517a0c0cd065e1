import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";

/** Document `platform/bootstrap`. */
export interface BootstrapDocument {
  configVersion: number | null;
  bootstrappedAt: string | null;
  leaseUntil: string | null;
  /** Tables that were emptied and do not have their rows back yet: whoever works next brings them. */
  restoring?: string[];
}

/** What the holder of the lease knows. */
export interface BootstrapLease {
  /** Its end, by which its holder is known. */
  until: string;
  restoring: string[];
}

export const bootstrapPath = "platform/bootstrap";
const leaseMilliseconds = 300_000;

/**
 * Keeps every other bootstrap or sync out for five minutes. `restoring` is written down before the first of these tables
 * loses a row. Throws `BOOTSTRAP_IN_PROGRESS`, and `NOT_BOOTSTRAPPED` where a platform that stands is wanted.
 */
export async function takeLease(
  change: Change,
  wanted: { restoring?: readonly string[]; isStanding?: boolean } = {},
): Promise<BootstrapLease> {
  const { body, readAt } = await change.get<BootstrapDocument>(bootstrapPath);
  const left = body?.leaseUntil ? Date.parse(body.leaseUntil) - readAt.getTime() : 0;
  if (left > 0) {
    throw new AppError("BOOTSTRAP_IN_PROGRESS", "Another bootstrap is at work.", {
      retryAfterSeconds: Math.ceil(left / 1000),
    });
  }
  if (wanted.isStanding === true && !body?.bootstrappedAt)
    throw new AppError("NOT_BOOTSTRAPPED", "The platform is not bootstrapped: call POST /api/v1/admin/bootstrap.");
  const until = new Date(readAt.getTime() + leaseMilliseconds).toISOString();
  const restoring = [...new Set([...(body?.restoring ?? []), ...(wanted.restoring ?? [])])].sort();
  change.set<BootstrapDocument>(bootstrapPath, {
    configVersion: body?.configVersion ?? null,
    bootstrappedAt: body?.bootstrappedAt ?? null,
    leaseUntil: until,
    restoring,
  });
  return { until, restoring };
}

export async function dropLease(lease: BootstrapLease, change: Change): Promise<void> {
  const { body } = await change.get<BootstrapDocument>(bootstrapPath);
  if (body?.leaseUntil === lease.until) change.set<BootstrapDocument>(bootstrapPath, { ...body, leaseUntil: null });
}

/** The work is done: `conclude` writes what else belongs to that, after the last read. */
export async function finish(
  done: { configVersion: number; lease: BootstrapLease; left: string[] },
  conclude: (change: Change) => Promise<void>,
  change: Change,
): Promise<void> {
  const { body, readAt } = await change.get<BootstrapDocument>(bootstrapPath);
  await conclude(change);
  const isOurs = body?.leaseUntil === done.lease.until;
  change.set<BootstrapDocument>(bootstrapPath, {
    configVersion: done.configVersion,
    bootstrappedAt: body?.bootstrappedAt ?? readAt.toISOString(),
    // A lease that another call holds by now stays its own, and so does what it has still to bring back.
    leaseUntil: isOurs ? null : (body?.leaseUntil ?? null),
    restoring: isOurs ? done.left : (body?.restoring ?? []),
  });
}

/** Whether the platform has been bootstrapped; onboarding needs it. */
export async function isBootstrapped(documents: Documents): Promise<boolean> {
  const { body } = await documents.get<BootstrapDocument>(bootstrapPath);
  return isDone(body);
}

export function isDone(body: BootstrapDocument | undefined): boolean {
  return body !== undefined && body.bootstrappedAt !== null;
}
