import { Type } from "@sinclair/typebox";
import { readEcbXml } from "#shared/money/ecb-files.ts";
import { carriedDays, daysApart, fxMonthOf, type PublishedRates } from "#shared/money/fx.ts";
import { addToMonth, isNews, monthWith, type RatesOfMonth, storedMonth } from "#shared/money/fx-month.ts";
import type { MonthChange } from "#shared/money/fx-record.ts";
import { findings } from "#shared/providers/findings.ts";
import type { DayState } from "#shared/providers/provider.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject, validBody } from "#shared/runtime/schema.ts";
import { isStillOurs } from "./claim.ts";
import { stretchesOf } from "./dependents.ts";
import { LeaseLost } from "./lease-lost.ts";
import { stepConfig } from "./parameters.ts";
import { daysOf } from "./range.ts";
import type { RunDocument } from "./run.ts";
import { runPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";
import type { StepInput } from "./step-work.ts";

const FxStepConfig = strictObject({
  source: Type.String({ pattern: "^[a-z][a-z0-9_]{0,49}$" }),
  file: Type.String({ pattern: "^(/[a-z0-9._-]+)+$" }),
});

/**
 * The step `fx.rates`: fetches a file of euro reference rates and stores what is new of it, month by month, each in a
 * transaction that also checks that the run is still ours. A file with one fault is refused whole; another value for a
 * stored rate is dissent, kept and named, never used. Days without a publication get nothing: look-ups carry the rates
 * before them. Source: `prices-and-plans.md` D.
 */
export async function fxStep({ step }: StepInput, session: RunSession, signal: AbortSignal): Promise<StepProduct> {
  const { run } = session.claim;
  const { source, file } = await validBody(FxStepConfig, stepConfig(step, run.parameters));
  const now = session.ports.clock.now();
  const { body } = await (await session.source(source)).get(file, {}, signal);
  const days = ratesOf(String(body), now.toISOString().slice(0, 10));
  // What the simulator says is never taken for what the bank has said.
  const name = session.ports.config.CA_PROVIDER_SIMULATOR_URL === undefined ? source : `${source}-simulated`;
  const changes: MonthChange[] = [];
  for (const month of [...new Set(days.map(({ publishedOn }) => fxMonthOf(publishedOn)))])
    changes.push(await storedChange({ month, days, source: name, force: false }, session));
  const stored = {
    added: changes.flatMap(({ changedDays }) => changedDays),
    unchanged: changes.flatMap(({ unchangedDays }) => unchangedDays),
  };
  return {
    sources: { [run.credentialId]: statesOf(days, run) },
    parts: [],
    rowCount: stored.added.length,
    warnings: warningsOf(days, run, now),
    findings: dissentOf(changes),
    dayFences: {},
    stored,
  };
}

function ratesOf(text: string, today: string): PublishedRates[] {
  const { days, problems } = readEcbXml(text);
  const future = days.find(({ publishedOn }) => publishedOn > today);
  const problem =
    problems[0] ?? (future && { path: `/content/${future.publishedOn}`, problem: "is a day of the future" });
  if (problem === undefined) return days;
  throw new AppError(
    "PROVIDER_BAD_RESPONSE",
    `The file of rates is refused whole: ${problem.path} ${problem.problem}.`,
    { retryable: true },
  );
}

async function storedChange(load: RatesOfMonth, { claim, ports }: RunSession): Promise<MonthChange> {
  const { run } = claim;
  if (run.dryRun) return monthWith(await storedMonth(load.month, ports.documents), load, ports.clock.now());
  return commitChange(async (change) => {
    const { body } = await change.get<RunDocument>(runPath(run.org.key, run.runId));
    const stored = await storedMonth(load.month, change);
    if (!isStillOurs(run, body)) throw new LeaseLost();
    const added = addToMonth(stored, load, change);
    if (isNews(added)) auditLoad(load, added, run, change);
    return added;
  }, ports);
}

function auditLoad(
  { month, source }: RatesOfMonth,
  { changedDays, dissent }: MonthChange,
  run: RunDocument,
  change: Change,
): void {
  change.audit({
    org: undefined,
    actorKind: "system",
    apiKeyId: null,
    userId: null,
    action: "fx.loaded",
    operation: "CREATE",
    resourceType: "fx_rates",
    resourceId: month,
    details: { source, force: false, days: changedDays, dissent: dissent.length, run_id: run.runId },
    ipAddress: null,
    userAgent: null,
    requestId: null,
    status: "SUCCESS",
    errorMessage: null,
  });
}

/** `empty`: nothing was published for the day; `unavailable`: not yet, or before the file's first day. */
function statesOf(days: readonly PublishedRates[], { range }: RunDocument): Record<string, DayState> {
  const published = new Set(days.map(({ publishedOn }) => publishedOn));
  const [first = "", last = ""] = [days[0]?.publishedOn, days.at(-1)?.publishedOn];
  return Object.fromEntries(
    daysOf(range).map((day) => {
      if (published.has(day)) return [day, "complete" as const];
      return [day, day > first && day < last ? ("empty" as const) : ("unavailable" as const)];
    }),
  );
}

/** Days of the run that nobody published rates for, and what conversions use in their place. */
function warningsOf(days: readonly PublishedRates[], { range }: RunDocument, now: Date): string[] {
  const published = days.map(({ publishedOn }) => publishedOn);
  const without = daysOf(range).filter((day) => !published.includes(day));
  const carried = stretchesOf(without).flatMap(({ start, end }) => {
    const before = published.findLast((day) => day < start);
    const which = start === end ? start : `${start} to ${end}`;
    return before === undefined ? [] : [`No rates were published for ${which}: those of ${before} are carried.`];
  });
  const newest = published.at(-1) ?? "";
  const age = daysApart(newest, now.toISOString().slice(0, 10));
  if (age <= carriedDays) return carried;
  return [...carried, `FX_STALE: the newest rates are of ${newest}, ${age} days ago.`];
}

function dissentOf(changes: readonly MonthChange[]) {
  const found = findings();
  for (const { day, currency, kept, claimed } of changes.flatMap(({ dissent }) => dissent))
    found.add("fx_dissent", `${day}/${currency}`, `${kept} is kept, the file says ${claimed}`);
  return found.list();
}
