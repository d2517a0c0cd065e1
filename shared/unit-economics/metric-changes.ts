import { listedRules } from "#shared/hierarchy/allocation-store.ts";
import { invalidField } from "#shared/hierarchy/entity.ts";
import { entityToName } from "#shared/hierarchy/entity-reference.ts";
import { actorOf, type OnStructure } from "#shared/hierarchy/structure-change.ts";
import { loadMinorDigits } from "#shared/money/currencies.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import {
  type CostScope,
  daysOf,
  type MetricAnswer,
  type MetricDocument,
  type MetricRequest,
  type MetricUpdate,
  metricAnswer,
} from "./metric.ts";
import { instantsOf, metricNamed, metricPath, storedMetrics } from "./metric-store.ts";
import { keptUntil, removeValuesLater } from "./removed-values.ts";

const maximumMetrics = 50;

/** Throws `METRIC_EXISTS`, also while values of a deleted one are kept, `LIMIT_REACHED`, `INVALID_BODY`, `HIERARCHY_ENTITY_UNKNOWN`. */
export async function createMetric(
  asked: OnStructure & { request: MetricRequest },
  effects: Effects<MetricAnswer>,
): Promise<Answer<MetricAnswer>> {
  const { org, request, caller } = asked;
  const currencies = await loadMinorDigits();
  return effects.commit(async (change) => {
    const stored = await storedMetrics(org, change);
    const former = await change.get<MetricDocument>(metricPath(org, request.metric));
    refuseKept(former.body, change.now);
    if (stored.filter(({ body }) => body.deletedAt === null).length >= maximumMetrics)
      throw new AppError("LIMIT_REACHED", `An organization has at most ${maximumMetrics} metrics.`);
    const costScope = await checkedScope(asked, request.cost_scope ?? {}, change);
    await effects.prepare(change);
    const blank = blankMetric(request, actorOf(caller), (former.body?.series ?? 0) + 1);
    const metric = written({ ...blank, costScope }, request, currencies);
    change.set<MetricDocument>(metricPath(org, metric.metric), metric);
    const at = instantsOf(
      { ...former, version: former.version + 1, createdAt: undefined, updatedAt: undefined },
      change.now,
    );
    const answer = new Reply(201, metricAnswer(metric, at));
    effects.conclude(change, answer, { resourceId: metric.metric, details: { new: answer.body } });
    return answer;
  });
}

function refuseKept(former: MetricDocument | undefined, now: Date): void {
  if (former === undefined) return;
  if (former.deletedAt === null) throw new AppError("METRIC_EXISTS", `There is a metric ${former.metric} already.`);
  const until = keptUntil(former.deletedAt);
  if (until > now)
    throw new AppError(
      "METRIC_EXISTS",
      `The values of a deleted metric ${former.metric} are kept until ${until.toISOString()}; take another name.`,
    );
}

function blankMetric(
  { metric, display_name, unit_name, kind = "count" }: MetricRequest,
  by: string,
  series: number,
): MetricDocument {
  return {
    ...{ metric, displayName: display_name, unitName: unit_name, kind },
    currency: null,
    aggregation: "sum",
    dimension: "none",
    costScope: {},
    cost: "effective",
    description: null,
    isActive: true,
    deletedAt: null,
    series,
    valuesVersion: 0,
    days: {},
    createdBy: by,
    updatedBy: by,
  };
}

/** Entities as they are stored. Throws `HIERARCHY_ENTITY_UNKNOWN`. */
async function checkedScope({ org }: OnStructure, scope: CostScope, change: Change): Promise<CostScope> {
  const { hierarchy_entity_ids: texts, ...others } = scope;
  if (texts === undefined) return others;
  const ids: string[] = [];
  for (const [at, text] of texts.entries())
    ids.push(await entityToName({ org, text, path: `/cost_scope/hierarchy_entity_ids/${at}` }, change));
  return { ...others, hierarchy_entity_ids: [...new Set(ids)] };
}

/** The metric with what the request says of it but its scope. Throws `INVALID_BODY`. */
function written(
  before: MetricDocument,
  request: Omit<MetricUpdate, "expected_version">,
  currencies: ReadonlyMap<string, number>,
): MetricDocument {
  const kind = request.kind ?? before.kind;
  const currency = (request.currency === undefined ? before.currency : request.currency)?.toUpperCase() ?? null;
  if (kind === "money" && currency === null) throw invalidField("/currency", "is required of a metric of money");
  if (kind === "count" && currency !== null) throw invalidField("/currency", "goes with the kind money only");
  if (currency !== null && !currencies.has(currency)) throw invalidField("/currency", "is no currency of the platform");
  return {
    ...before,
    displayName: request.display_name?.normalize("NFC") ?? before.displayName,
    unitName: request.unit_name?.normalize("NFC") ?? before.unitName,
    kind,
    currency,
    aggregation: request.aggregation ?? before.aggregation,
    dimension: request.dimension?.normalize("NFC") ?? before.dimension,
    cost: request.cost ?? before.cost,
    description: request.description === undefined ? before.description : request.description,
    isActive: request.is_active ?? before.isActive,
  };
}

interface OnMetric extends OnStructure {
  metric: string;
}

/**
 * Throws `METRIC_NOT_FOUND`, `VERSION_CONFLICT`, `METRIC_HAS_VALUES`, `INVALID_BODY`, `HIERARCHY_ENTITY_UNKNOWN`, and
 * `METRIC_IN_USE` where a spread rule would lose its weights.
 */
export async function updateMetric(
  asked: OnMetric & { request: MetricUpdate },
  effects: Effects<MetricAnswer>,
): Promise<Answer<MetricAnswer>> {
  const { org, caller } = asked;
  const { expected_version: expected, cost_scope: scope, ...request } = asked.request;
  const currencies = await loadMinorDigits();
  return effects.commit(async (change) => {
    const stored = await metricNamed(org, asked.metric, change);
    const { body: before, version } = stored;
    if (expected !== undefined && expected !== version)
      throw new AppError("VERSION_CONFLICT", `The metric has version ${version}, not ${expected}.`);
    const costScope = scope === undefined ? before.costScope : await checkedScope(asked, scope, change);
    const next = { ...written(before, request, currencies), costScope };
    refuseFixed(before, next);
    if (before.dimension === "entity" && next.dimension !== "entity") await refuseUsed(asked, change);
    await effects.prepare(change);
    const isSame = JSON.stringify(next) === JSON.stringify(before);
    const body = isSame ? before : { ...next, updatedBy: actorOf(caller) };
    if (!isSame) change.set<MetricDocument>(stored.path, body);
    const at = instantsOf(isSame ? stored : { ...stored, version: version + 1, updatedAt: undefined }, change.now);
    const answer = metricAnswer(body, at);
    const details = { old: metricAnswer(before, instantsOf(stored, change.now)), new: answer };
    effects.conclude(change, answer, { resourceId: body.metric, details, isAudited: isSame });
    return answer;
  });
}

/** What stored values mean does not change under them. */
function refuseFixed(before: MetricDocument, next: MetricDocument): void {
  if (daysOf(before).length === 0) return;
  const fixed = (["kind", "currency", "dimension", "aggregation"] as const).filter(
    (name) => before[name] !== next[name],
  );
  if (fixed.length === 0) return;
  throw new AppError("METRIC_HAS_VALUES", `The metric has values: ${fixed.join(", ")} stays as it is.`, {
    fields: fixed.map((name) => ({ path: `/${name}`, problem: "is fixed once values exist" })),
  });
}

/** Hides a metric; its values are kept 400 days, then removed by a timer. Throws `METRIC_NOT_FOUND`, `METRIC_IN_USE` by a spread rule. */
export function deleteMetric(asked: OnMetric, effects: Effects<null>): Promise<Answer<null>> {
  const { org, caller } = asked;
  return effects.commit(async (change) => {
    const { body, path } = await metricNamed(org, asked.metric, change);
    await refuseUsed(asked, change);
    await effects.prepare(change);
    const by = actorOf(caller);
    change.set<MetricDocument>(path, { ...body, deletedAt: change.now.toISOString(), updatedBy: by });
    removeValuesLater(org, body, change);
    const answer = new Reply(204, null);
    effects.conclude(change, answer, { resourceId: body.metric, details: { display_name: body.displayName } });
    return answer;
  });
}

async function refuseUsed({ org, metric }: OnMetric, change: Change): Promise<void> {
  const rules = await listedRules(org, change);
  const using = rules.filter(({ body: rule }) => rule.action.metric === metric);
  if (using.length === 0) return;
  throw new AppError("METRIC_IN_USE", "Allocation rules spread cost by this metric.", {
    extra: { rules: using.map(({ body: { ruleId, name } }) => ({ rule_id: ruleId, name })) },
  });
}
