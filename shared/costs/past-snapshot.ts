import type { OrgIdentity } from "#shared/access/caller.ts";
import { inDays, replacedDays } from "#shared/ledger/loose-batches.ts";
import { pastMonths } from "#shared/ledger/past-months.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { pastInstant } from "#shared/runtime/past-instant.ts";
import type { LedgerSnapshot } from "./ledger-snapshot.ts";

/**
 * The instant of `as_of` in UTC with milliseconds; undefined where none is asked for. Throws as `pastInstant`;
 * `AS_OF_NOT_RETAINED` before the organization was there, and where replaced batches are gone. Source: costs.md 3.
 */
export function asOfInstant(
  text: string | undefined,
  { since, now }: { since: string | undefined; now: Date },
): string | undefined {
  if (text === undefined) return undefined;
  const instant = new Date(pastInstant("as_of", text, now)).toISOString();
  const retained = inDays(now, -replacedDays);
  const earliest = since !== undefined && since > retained ? since : retained;
  if (instant < earliest) throw notRetained(earliest);
  return instant;
}

/** A snapshot of the ledger as it was at an instant. Throws `AS_OF_NOT_RETAINED` where the journal cannot tell. */
export async function pastSnapshot(
  { org, instant }: { org: OrgIdentity; instant: string },
  current: LedgerSnapshot,
  documents: Documents,
): Promise<LedgerSnapshot> {
  const { epoch, cacheEpoch } = current;
  const versions = { ...current.versions };
  const fxVersions: LedgerSnapshot["fxVersions"] = {};
  const months: LedgerSnapshot["months"] = [];
  const found = await pastMonths({ org, epoch, instant }, current.months, documents);
  const untold = found.filter((one) => typeof one === "string").sort();
  const earliest = untold.at(-1);
  if (earliest !== undefined) throw notRetained(earliest);
  for (const past of found) {
    if (typeof past === "string") continue;
    const { published, fxVersion } = past;
    versions[published.month] = published.version;
    if (fxVersion !== null) fxVersions[published.month] = fxVersion;
    if (published.version > 0) months.push(published);
  }
  return { epoch, cacheEpoch, versions, fxVersions, months };
}

function notRetained(earliest: string): AppError {
  return new AppError("AS_OF_NOT_RETAINED", `What was published is known from ${earliest} on.`, {
    fields: [{ path: "/as_of", problem: `must not lie before ${earliest}` }],
    extra: { earliest },
  });
}
