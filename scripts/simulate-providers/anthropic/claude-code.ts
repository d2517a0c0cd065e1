import { unitsOfDay } from "../activity.ts";
import catalogue from "../anthropic-models.json" with { type: "json" };
import { behaviourOf } from "../behaviour.ts";
import { visibleCounts } from "../counts.ts";
import { writeCursor } from "../cursor.ts";
import { formatInstant, parseDay } from "../days.ts";
import { formatDecimal, pricePerUnit } from "../decimal.ts";
import { draw, pick } from "../draw.ts";
import { type Json, type JsonObject, NumberLiteral } from "../json.ts";
import type { Answer, AuthorizedCall } from "../provider.ts";
import type { Simulation } from "../simulation.ts";
import { refused } from "./errors.ts";
import { organizationOf } from "./organization.ts";
import { identityOf, isDay, readLimit, readPage, refuseUnknown } from "./query.ts";

const secondsPerDay = 86_400;
const habits = catalogue.claude_code;

type Team = (typeof habits.teams)[number];

/** A whole day of one actor, before the clock hides a part of it. */
interface ActorDay {
  readonly simulation: Simulation;
  readonly account: string;
  readonly day: number;
  readonly name: string;
}

/** `GET /v1/organizations/usage_report/claude_code`: one record per actor of one UTC day; estimates overlap with the cost report. */
export function claudeCode({ simulation, account, query }: AuthorizedCall): Answer {
  refuseUnknown(query, ["starting_at", "limit", "page"]);
  const date = query.get("starting_at");
  if (date === null) throw refused("starting_at", "Field required");
  if (!isDay(date)) throw refused("starting_at", "Input should be a valid date in YYYY-MM-DD format");
  const limit = readLimit(query, { usual: 20, most: 1000 });
  const identity = identityOf(query, "claude_code");
  const day = parseDay(date);
  const { asked, position } = readPage(query, identity, day * secondsPerDay);
  const records = recordsOf(simulation, account, day);
  const data = records.slice(position.skip, position.skip + limit);
  const cursor = (index: number): string =>
    writeCursor({ start: position.start, skip: position.skip + index, hop: position.hop + 1 }, identity);
  const hasMore = position.skip + limit < records.length;
  return {
    status: 200,
    headers: {},
    body: { data, has_more: hasMore, next_page: hasMore ? cursor(data.length) : null },
    pages: { asked, cursor },
    fields: { main: "data.*.core_metrics.num_sessions", enumeration: "data.*.customer_type", times: ["data.*.date"] },
  };
}

function recordsOf(simulation: Simulation, account: string, day: number): Json[] {
  const behaviour = behaviourOf(account);
  if (behaviour === "golden" || behaviour === "empty" || simulation.visiblePercent(day) === 0n) return [];
  return habits.teams.flatMap((team) => {
    const names = Array.from({ length: team.count }, (_, index) =>
      team.count === 1 ? team.name : `${team.name}-${index + 1}`,
    );
    return names.flatMap((name) => recordOf({ simulation, account, day, name }, team));
  });
}

/** None on the days an actor rests. */
function recordOf(actor: ActorDay, team: Team): JsonObject[] {
  const { simulation, account, day, name } = actor;
  const [forRest, forTerminal] = draw(simulation.seed, "anthropic", account, day, "claude_code", name);
  if (pick(forRest, [0, 99]) < BigInt(habits.idle_percent)) return [];
  const metrics = visibleUnits(actor, "metrics", habits.daily);
  const terminal = habits.terminals[Number(pick(forTerminal, [0, habits.terminals.length - 1]))];
  return [
    {
      actor:
        team.actor === "api"
          ? { type: "api_actor", api_key_name: name }
          : { type: "user_actor", email_address: `${name}@${account}.example` },
      core_metrics: {
        commits_by_claude_code: metrics["commits"] ?? 0n,
        lines_of_code: { added: metrics["lines_added"] ?? 0n, removed: metrics["lines_removed"] ?? 0n },
        num_sessions: metrics["num_sessions"] ?? 0n,
        pull_requests_by_claude_code: metrics["pull_requests"] ?? 0n,
      },
      customer_type: team.customer_type,
      subscription_type: team.subscription_type,
      date: formatInstant(day * secondsPerDay),
      organization_id: organizationOf(account).id,
      terminal_type: terminal ?? null,
      tool_actions: toolActions(actor),
      model_breakdown: habits.models.map((model) => modelUse(actor, model)),
    },
  ];
}

function toolActions(actor: ActorDay): JsonObject {
  const tools = habits.tools.map(({ name, ...base }) => [name, visibleUnits(actor, name, base)] as const);
  return Object.fromEntries(tools);
}

/** Tokens of one model and their list price; the estimate is a JSON number of cents. */
function modelUse(actor: ActorDay, { id, percent }: { id: string; percent: number }): JsonObject {
  const tokens = visibleUnits(actor, id, habits.tokens, BigInt(percent));
  const prices = catalogue.models.find((model) => model.id === id)?.per_million;
  if (prices === undefined) throw new Error(`${id} is used by Claude Code but is not in the catalogue`);
  const priced = [
    ["input", prices.input],
    ["output", prices.output],
    ["cache_read", prices.cache_read],
    ["cache_creation", prices.write_5m],
  ] as const;
  const amount = priced.reduce((sum, [name, price]) => sum + (tokens[name] ?? 0n) * pricePerUnit(price), 0n);
  const cents = new NumberLiteral(formatDecimal(amount * 100n));
  return { model: id, tokens, estimated_cost: { amount: cents, currency: catalogue.currency } };
}

/** Each base number scaled by the day's activity and drawn on its own, as far as the clock shows it. */
function visibleUnits(
  { simulation, account, day, name }: ActorDay,
  what: string,
  bases: Readonly<Record<string, number>>,
  percent = 100n,
): Record<string, bigint> {
  const units = Object.entries(bases).map(([key, base]) => {
    const [bits] = draw(simulation.seed, "anthropic", account, day, "claude_code", name, what, key);
    return [key, unitsOfDay({ day, base, percents: [percent] }, bits)] as const;
  });
  return visibleCounts(Object.fromEntries(units), simulation.visiblePercent(day));
}
