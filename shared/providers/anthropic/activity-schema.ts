import { type AnswerObject, drift } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";
import { dayOfSeconds } from "../utc-days.ts";
import { instantField } from "./client.ts";

/** One measured value of a record, whole; `model` is null where the record names none. */
export interface Measure {
  /** `claude_code`, or `claude_code/<tool>` for what one of its tools did. */
  tool: string;
  metric: string;
  model: string | null;
  value: number;
}

/** What the tokens of a model would have cost; they are billed elsewhere or covered by a plan. */
export interface Estimate {
  path: string;
  model: string;
  /** The literal, in cents: here the provider writes a number. */
  cents: string;
  currency: string;
}

/** One record of the Claude Code report: one person or key, one day, one terminal. */
export interface ActivityRecord {
  /** A person, to be shown as the organization chose. */
  email: string | null;
  /** A key's name; names of keys are no people. */
  keyName: string | null;
  customerType: string | null;
  measures: Measure[];
  estimates: Estimate[];
}

export const activityTool = "claude_code";

const recordFields = new Set(
  "date actor organization_id customer_type subscription_type terminal_type core_metrics tool_actions model_breakdown".split(
    " ",
  ),
);
const tokenKinds = [
  ["input", "input_tokens"],
  ["output", "output_tokens"],
  ["cache_read", "cache_read_tokens"],
  ["cache_creation", "cache_creation_tokens"],
] as const;

/** Reads one record of the day asked for; of another day it is `PROVIDER_SCHEMA_DRIFT`. */
export function activityRecord(record: AnswerObject, day: string, found: Findings): ActivityRecord {
  record.report(recordFields, found);
  if (dayOfSeconds(instantField(record, "date")) !== day)
    throw drift(`${record.path}.date`, "the record is not of the day asked for");
  const models = record.list("model_breakdown");
  return {
    ...actorOf(record.object("actor"), found),
    customerType: record.text("customer_type"),
    measures: [
      ...coreMeasures(record.object("core_metrics")),
      ...toolMeasures(record.object("tool_actions")),
      ...models.flatMap(tokenMeasures),
    ],
    estimates: models.map(estimateOf),
  };
}

function actorOf(actor: AnswerObject, found: Findings): Pick<ActivityRecord, "email" | "keyName"> {
  const type = actor.requiredText("type");
  if (type === "user_actor") return { email: actor.requiredText("email_address"), keyName: null };
  if (type === "api_actor") return { email: null, keyName: actor.requiredText("api_key_name") };
  found.add("unknown_field", "actor.type", type);
  return { email: null, keyName: null };
}

function coreMeasures(metrics: AnswerObject): Measure[] {
  const lines = metrics.object("lines_of_code");
  return [
    ["sessions", metrics.count("num_sessions")] as const,
    ["lines_added", lines.count("added")] as const,
    ["lines_removed", lines.count("removed")] as const,
    ["commits", metrics.count("commits_by_claude_code")] as const,
    ["pull_requests", metrics.count("pull_requests_by_claude_code")] as const,
  ].map(([metric, value]) => ({ tool: activityTool, metric, model: null, value }));
}

/** A map by tool; tools that come later need no change here. */
function toolMeasures(actions: AnswerObject): Measure[] {
  return actions.names().flatMap((name) => {
    const action = actions.object(name);
    const tool = `${activityTool}/${name}`;
    return [
      { tool, metric: "tool_accepted", model: null, value: action.count("accepted") },
      { tool, metric: "tool_rejected", model: null, value: action.count("rejected") },
    ];
  });
}

function tokenMeasures(breakdown: AnswerObject): Measure[] {
  const model = breakdown.requiredText("model");
  const tokens = breakdown.object("tokens");
  return tokenKinds.map(([kind, metric]) => ({ tool: activityTool, metric, model, value: tokens.count(kind) }));
}

function estimateOf(breakdown: AnswerObject): Estimate {
  const cost = breakdown.object("estimated_cost");
  return {
    path: cost.path,
    model: breakdown.requiredText("model"),
    cents: cost.literal("amount"),
    currency: cost.requiredText("currency"),
  };
}
