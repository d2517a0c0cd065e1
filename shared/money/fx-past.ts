import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { FxHead, FxMonth } from "./fx.ts";
import {
  fxHeadPath,
  fxMonthPath,
  type OrgFxHead,
  type OrgFxMonth,
  orgFxHeadPath,
  orgFxMonthPath,
  type StoredOrgRate,
} from "./fx-store.ts";

/** The version of an organization's book of rates at an instant, RFC 3339 UTC, as `fxBook` reads it. */
export async function fxVersionAt(
  org: Pick<OrgIdentity, "key">,
  instant: string,
  documents: Documents,
): Promise<string> {
  const heads = await documents.getAll<FxHead | OrgFxHead>([fxHeadPath, orgFxHeadPath(org)]);
  const market = heads[0]?.body as FxHead | undefined;
  const own = heads[1]?.body as OrgFxHead | undefined;
  const [marketVersion, orgVersion] = await Promise.all([
    marketVersionAt(market?.months ?? {}, instant, documents),
    orgVersionAt(org, own?.months ?? [], instant, documents),
  ]);
  return `m${marketVersion}.o${orgVersion}`;
}

/** Month after month from the one that changed last: no month says more than the version at which it changed last. */
async function marketVersionAt(months: FxHead["months"], instant: string, documents: Documents): Promise<number> {
  let found = 0;
  for (const [month, changedAt] of Object.entries(months).sort(([, a], [, b]) => b - a)) {
    if (changedAt <= found) break;
    const { body } = await documents.get<FxMonth>(fxMonthPath(month));
    const sets = Object.values(body?.days ?? {}).flat();
    for (const { recordedAt, fxVersion } of sets) if (recordedAt <= instant) found = Math.max(found, fxVersion);
  }
  return found;
}

async function orgVersionAt(
  org: Pick<OrgIdentity, "key">,
  months: readonly string[],
  instant: string,
  documents: Documents,
): Promise<number> {
  const stored = await documents.getAll<OrgFxMonth>(months.map((month) => orgFxMonthPath(org, month)));
  const rates = stored.flatMap(({ body }) => body?.rates ?? []);
  return Math.max(0, ...rates.flatMap((rate) => versionsUntil(rate, instant)));
}

function versionsUntil({ createdAt, setVersion, deletedAt, deletedVersion }: StoredOrgRate, instant: string): number[] {
  const isTakenBack = deletedAt !== null && deletedVersion !== null && deletedAt <= instant;
  return [...(createdAt <= instant ? [setVersion] : []), ...(isTakenBack ? [deletedVersion] : [])];
}
