import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { readEcbCsv, readEcbXml } from "./ecb-files.ts";
import { fxMonthOf, type PublishedRates } from "./fx.ts";
import { addToMonth, isNews, storedMonth } from "./fx-month.ts";
import type { MonthChange } from "./fx-record.ts";
import { type RateFile, readRatesJson } from "./rate-file.ts";

/** Of a request with a file of rates: the file, and what JSON adds to it by escaping. */
export const longestFxBody = 6 * 1024 * 1024;
const longestContent = 5 * 1024 * 1024;
const firstDay = "1999-01-01";
const maximumProblems = 50;

export const FxLoadRequest = strictObject({
  format: choice(["ecb_xml", "ecb_csv", "json"], {
    description: 'json: {"base": "EUR", "days": {"2026-07-03": {"USD": "1.1402"}}}',
  }),
  content: Type.String({ minLength: 1, maxLength: longestContent }),
  source: Type.Optional(
    Type.String({
      pattern: "^[a-z][a-z0-9_-]{1,39}$",
      description: "Who published the rates; the files of the European Central Bank are `ecb` unless said otherwise",
    }),
  ),
  force: Type.Boolean({ default: false, description: "Use values that differ from stored ones from now on" }),
});
export type FxLoadRequest = Static<typeof FxLoadRequest>;

export const FxLoadAnswer = strictObject({
  days_added: Type.Integer({ description: "Days that got rates they did not have" }),
  unchanged: Type.Integer({ description: "Days stored like this before" }),
  dissent: Type.Array(
    strictObject({
      day: Type.String(),
      source: Type.String(),
      currency: Type.String(),
      kept: Type.String(),
      claimed: Type.String(),
    }),
  ),
});
export type FxLoadAnswer = Static<typeof FxLoadAnswer>;

type LoadPorts = { documents: Documents } & Pick<Surroundings, "clock">;

/**
 * Stores the days of a file, one transaction per month: a load that broke off is repeated from its start. A file with
 * one bad rate is refused whole (`INVALID_BODY` with every problem), before anything is written.
 */
export async function loadRates(
  asked: { request: FxLoadRequest },
  effects: Effects<FxLoadAnswer>,
  given: LoadPorts,
): Promise<Answer<FxLoadAnswer>> {
  const { request } = asked;
  const source = request.source ?? (request.format === "json" ? undefined : "ecb");
  const { days, problems } = await fileOf(request);
  const today = given.clock.now().toISOString().slice(0, 10);
  const faults = [...problems, ...dayFaults(days, today)];
  if (source === undefined) faults.push({ path: "/source", problem: "is required" });
  if (faults.length > 0 || source === undefined) throw refusal(faults);
  const months = [...new Set(days.map(({ publishedOn }) => fxMonthOf(publishedOn)))];
  const changes: MonthChange[] = [];
  for (const month of months.slice(0, -1))
    changes.push(
      await effects.commit((change) => storeMonth(change, { month, days, source, force: request.force }, effects)),
    );
  return effects.commit(async (change) => {
    const month = months.at(-1) ?? "";
    const last = await storeMonth(change, { month, days, source, force: request.force }, effects, () =>
      effects.prepare(change),
    );
    const answer = answerOf([...changes, last]);
    effects.conclude(change, answer, { isAudited: true });
    return answer;
  });
}

/** One month's part of a load in the caller's transaction; `prepare` reads what else it needs before the first write. */
async function storeMonth(
  change: Change,
  load: { month: string; days: readonly PublishedRates[]; source: string; force: boolean },
  effects: Effects<FxLoadAnswer>,
  prepare: () => Promise<void> = async () => {},
): Promise<MonthChange> {
  const { month, source, force } = load;
  const stored = await storedMonth(month, change);
  await prepare();
  const added = addToMonth(stored, load, change);
  if (!isNews(added)) return added;
  effects.audit(change, {
    resourceId: month,
    details: { source, force, days: added.changedDays, dissent: added.dissent.length },
  });
  return added;
}

async function fileOf({ format, content }: FxLoadRequest): Promise<RateFile> {
  if (format === "ecb_xml") return readEcbXml(content);
  return format === "ecb_csv" ? readEcbCsv(content) : readRatesJson(content);
}

function dayFaults(days: readonly PublishedRates[], today: string): FieldProblem[] {
  return days
    .filter(({ publishedOn }) => publishedOn > today || publishedOn < firstDay)
    .map(({ publishedOn }) => ({ path: `/content/${publishedOn}`, problem: `must be from ${firstDay} to ${today}` }));
}

function refusal(faults: readonly FieldProblem[]): AppError {
  const first = faults[0];
  const more = faults.length > 1 ? ` and ${faults.length - 1} more problems` : "";
  return new AppError("INVALID_BODY", `Nothing was stored: ${first?.path} ${first?.problem}${more}.`, {
    fields: faults.slice(0, maximumProblems),
  });
}

function answerOf(changes: readonly MonthChange[]): FxLoadAnswer {
  return {
    days_added: changes.reduce((sum, { changedDays }) => sum + changedDays.length, 0),
    unchanged: changes.reduce((sum, { unchangedDays }) => sum + unchangedDays.length, 0),
    dissent: changes.flatMap(({ dissent }) =>
      dissent.map(({ day, source, currency, kept, claimed }) => ({ day, source, currency, kept, claimed })),
    ),
  };
}
