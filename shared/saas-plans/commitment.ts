import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { amountText, parseAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { addDays, dayNumber, dayOfMonth, monthNumber } from "./plan-days.ts";
import type { ProviderSubscriptionVersion } from "./provider-subscription.ts";
import type { Commitment } from "./subscription-answer.ts";

const currency = "USD";

/** How much of a committed spend the published costs of the provider have used so far; only what is in US dollars. */
export async function commitmentOf(
  org: OrgIdentity,
  version: ProviderSubscriptionVersion,
  today: string,
  documents: Documents,
): Promise<Commitment | undefined> {
  const { committedSpendUsd: committed, commitmentTermMonths: term } = version.agreement;
  if (committed === null) return undefined;
  const { body } = await documents.get<OrgDocument>(orgPath(org.key));
  const last =
    term === null
      ? today
      : addDays(dayOfMonth(monthNumber(version.startDate) + term, dayNumber(version.startDate)), -1);
  const to = last < today ? last : today;
  const count = Math.max(0, monthNumber(to) - monthNumber(version.startDate) + 1);
  const months = Array.from({ length: count }, (_, at) =>
    dayOfMonth(monthNumber(version.startDate) + at, 1).slice(0, 7),
  );
  const published = await Promise.all(
    months.map((month) => publishedMonth(org, month, body?.ledgerEpoch ?? 0, documents)),
  );
  const own = await pipelinesOf(version.provider);
  const used = sumAmounts(
    published
      .flatMap(({ days }) => days)
      .filter(({ pipelineId, day }) => own.has(pipelineId) && day >= version.startDate && day <= to)
      .map(({ totals }) => parseAmount(totals[currency]?.[1] ?? "0")),
  );
  const left = parseAmount(committed).minus(used);
  return {
    committed,
    used: amountText(used),
    remaining: amountText(left.isNegative() ? zero : left),
  };
}

/** Ids of the pipelines that publish the provider's costs. */
async function pipelinesOf(provider: string): Promise<Set<string>> {
  const { pipelines } = (await providers()).provider(provider);
  return new Set(pipelines.map((address) => address.replaceAll("/", "-").replaceAll("_", "-")));
}
