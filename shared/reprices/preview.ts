import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { contentOf, headPath, type PublishedDay, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { MonthHead } from "#shared/ledger/ledger.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { bookOf } from "#shared/prices/org-prices.ts";
import { dayProblems } from "#shared/prices/price-days.ts";
import { priceProvider } from "#shared/prices/price-providers.ts";
import { refuseProblems } from "#shared/prices/price-terms.ts";
import { actorOf } from "#shared/prices/price-writer.ts";
import { rangeOf } from "#shared/prices/unpriced-read.ts";
import { providerAdapter } from "#shared/providers/adapters.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ProviderAdapter } from "#shared/providers/provider.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { grouped } from "./grouped.ts";
import { computedTable, type Published, pulledMonths } from "./published-rows.ts";
import type {
  FrozenDay,
  RepriceDocument,
  RepriceLists,
  RepricePreview,
  RepriceRequest,
  RepriceScope,
} from "./reprice.ts";
import { answerOf, pagesOf, repricePath } from "./reprice-store.ts";
import { type CountedMove, repriceSums } from "./reprice-sums.ts";
import { monthsBetween, repricedMonth, type SourceMonth } from "./repriced-month.ts";

export type RepricePorts = { documents: Documents; warehouse: Warehouse } & Pick<Surroundings, "clock" | "ids">;

/** In place of the adapters that are part of the house. */
export type AdapterOf = (slug: string) => ProviderAdapter;

const lifetimeMilliseconds = 86_400_000;
/** So long it can still be read that it has expired. */
const keptMilliseconds = 30 * lifetimeMilliseconds;

/**
 * What the published usage of a range would cost by a version of the book, kept for 24 hours so that exactly this can be
 * applied. Nothing published changes. Throws 422 `INVALID_BODY`, 400 `INVALID_DATE_RANGE`, `RANGE_TOO_LONG`, 404
 * `UNKNOWN_PROVIDER`, `PRICE_BOOK_VERSION_NOT_FOUND`. Source: `prices-and-plans.md` A8.
 */
export async function previewReprice(
  asked: { org: OrgIdentity; caller: Caller; request: RepriceRequest },
  effects: Effects<RepricePreview>,
  ports: RepricePorts,
  adapterOf: AdapterOf = providerAdapter,
): Promise<Answer<RepricePreview>> {
  const { org, caller, request } = asked;
  const organization = existingOrg((await ports.documents.get<OrgDocument>(orgPath(org.key))).body);
  const scope = await scopeOf(request, ports.clock.now().toISOString().slice(0, 10));
  const book = await bookOf(org, ports, request.price_book_version);
  const { ledgerEpoch: epoch, dataset } = organization;
  const published: Published = { org, epoch, datasetId: dataset.id, ...ports };
  const months = await pulledMonths(monthsBetween(scope.start, scope.end), published);
  const moves: CountedMove[] = [];
  const days: FrozenDay[] = [];
  for (const source of await sourceMonths(months, scope, adapterOf)) {
    const { asked: lines, counted, changed } = await repricedMonth(source, { scope, book }, published);
    for (const line of lines) moves.push({ ...line, counted: counted.has(line.after.x_source_record_id) });
    days.push(...changed.map(({ day }) => frozen(day)));
  }
  const { by_day, by_model, rows, newly_priced, still_unpriced, ...sums } = repriceSums(moves);
  const lists: RepriceLists = { by_day, by_model, rows, newly_priced, still_unpriced };
  const heads = await ports.documents.getAll<MonthHead>(months.map(({ month }) => headPath(org, month)));
  const now = ports.clock.now();
  const repriceId = ports.ids.newId("rpc");
  const pages = pagesOf(org, repriceId, lists, days);
  const reprice: RepriceDocument = {
    repriceId,
    scope,
    priceBookVersion: book.version,
    isCurrentBook: request.price_book_version === undefined,
    ledgerEpoch: epoch,
    ledgerVersions: Object.fromEntries(months.map(({ month, version }) => [month, version])),
    summary: { ...sums, closed_months: months.flatMap(({ month }, at) => (isClosed(heads[at]?.body) ? [month] : [])) },
    pages: pages.length,
    createdAt: now.toISOString(),
    createdBy: actorOf(caller),
    expiresAt: new Date(now.getTime() + lifetimeMilliseconds).toISOString(),
    runId: null,
    closedMonths: null,
    appliedAt: null,
    appliedBy: null,
    expireAt: new Date(now.getTime() + keptMilliseconds).toISOString(),
  };
  return effects.commit(async (change) => {
    await effects.prepare(change);
    change.create<RepriceDocument>(repricePath(org, repriceId), reprice);
    const { expireAt } = reprice;
    for (const { path, body } of pages) change.create(path, { ...body, expireAt });
    const answer = new Reply(201, answerOf(org, reprice, lists));
    effects.conclude(change, answer, { resourceId: repriceId });
    return answer;
  });
}

async function scopeOf(request: RepriceRequest, today: string): Promise<RepriceScope> {
  const problems = [
    ...(request.price_date === undefined ? [] : dayProblems({ effective_from: request.price_date }, today)).map(
      ({ problem }) => ({ path: "/price_date", problem }),
    ),
  ];
  refuseProblems(problems);
  const { start, end } = rangeOf(request, today);
  const named = request.providers ?? [];
  return {
    start,
    end,
    providers: named.length === 0 ? null : await Promise.all(named.map((name) => priceProvider(name))),
    models: request.models === undefined || request.models.length === 0 ? null : request.models,
    priceDay: request.price_date ?? null,
    modelMap: request.model_map ?? {},
  };
}

/** The published days of the range that hold priced usage, by their source and month. */
export async function sourceMonths(
  months: readonly PublishedMonth[],
  { start, end }: Pick<RepriceScope, "start" | "end">,
  adapterOf: AdapterOf,
): Promise<SourceMonth[]> {
  const byPipeline = new Map(
    (await providers()).entries().flatMap((entry) => entry.pipelines.map((address) => [pipelineIdOf(address), entry])),
  );
  return months.flatMap((month) => {
    const own = month.days.filter(({ day, batches }) => start <= day && day <= end && computedTable in batches);
    return [...grouped(own, sourceText).values()].flatMap((days) => {
      const provider = byPipeline.get(days[0]?.pipelineId ?? "");
      if (provider === undefined) return [];
      const sorted = [...days].sort((a, b) => (a.day < b.day ? -1 : 1));
      return [{ provider, adapter: adapterOf(provider.slug), days: sorted }];
    });
  });
}

function pipelineIdOf(address: string): string {
  return address.replaceAll("/", "-").replaceAll("_", "-");
}

function sourceText({ pipelineId, source }: PublishedDay): string {
  return JSON.stringify([pipelineId, source]);
}

export function frozen({ pipelineId, source, day, hashes }: PublishedDay): FrozenDay {
  return { pipelineId, source, day, content: contentOf(hashes) };
}

/** Months are open until a close makes them something else. */
function isClosed(head: MonthHead | undefined): boolean {
  return head !== undefined && head.state !== "open";
}
