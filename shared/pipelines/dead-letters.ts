import { createHash } from "node:crypto";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { deadLetterSource } from "#shared/platform/topics/dead-letter.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import type { TopicMessage } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { runErrorOf } from "./failures.ts";
import { finishRun } from "./finish.ts";
import { isRunId } from "./run-paths.ts";

/** Document `deadLetters/{hash of the message's id}`: a message that could not be handled, with its payload, replayable. */
export interface DeadLetterDocument {
  topic: string;
  payload: unknown;
  attributes: Record<string, string>;
  reason: string;
  deliveries: number;
  org: string | null;
  runId: string | null;
  firstAt: string;
  state: DeadLetterState;
  /** What became of it, once somebody has decided. */
  settled?: {
    at: string;
    action: "republished" | "retried" | "discarded";
    runId: string | null;
    reason: string | null;
  };
  expireAt: string;
}

export const deadLetterStates = ["OPEN", "REPLAYED", "DISCARDED"] as const;
type DeadLetterState = (typeof deadLetterStates)[number];

export function deadLetterPath(id: string): string {
  return `deadLetters/${id}`;
}

/** In place of the topic of a delivery that could not be read at all; its attributes name the function it came to. */
export const unknownTopic = "unknown";

const keptMilliseconds = 30 * 86_400_000;

/** Keeps the message, once however often it comes, and ends the run it was for. */
export async function keepDeadLetter(
  message: TopicMessage<unknown>,
  ports: { documents: Documents; topics: Topics } & Surroundings,
): Promise<void> {
  const { attributes } = message;
  const id = createHash("sha256")
    .update(attributes["messageId"] ?? message.messageId)
    .digest("hex");
  const letter = letterOf(message, ports.clock.now());
  const state = await commitChange(async (change) => {
    const path = deadLetterPath(id);
    const { body } = await change.get<DeadLetterDocument>(path);
    change.set<DeadLetterDocument>(path, body === undefined ? letter : { ...body, deliveries: body.deliveries + 1 });
    return body?.state ?? letter.state;
  }, ports);
  ports.log.error({ topic: letter.topic, run: letter.runId, reason: letter.reason }, "dead letter");
  // What was decided about it stands: a run that goes on after a replay is not ended by a late repeat.
  if (state !== "OPEN" || letter.org === null || letter.runId === null) return;
  const failure = new AppError("DEAD_LETTERED", `The run's message could not be handled: ${letter.reason}`);
  const error = await runErrorOf(failure, { stepId: null, retryCount: letter.deliveries });
  await finishRun(
    { orgKey: letter.org, runId: letter.runId },
    { status: "FAILED", reason: "DEAD_LETTERED", error },
    () => true,
    ports,
  );
}

function letterOf(message: TopicMessage<unknown>, now: Date): DeadLetterDocument {
  const { payload } = message;
  const source = deadLetterSource(message.attributes);
  const attributes = source?.attributes ?? message.attributes;
  const { org, run } = attributes;
  const isRun = org !== undefined && /^[a-z0-9_]{3,50}$/.test(org) && run !== undefined && isRunId(run);
  return {
    topic: source?.topic ?? attributes["topic"] ?? unknownTopic,
    payload,
    attributes: { ...attributes },
    reason: (attributes["reason"] ?? "its deliveries were used up").slice(0, 500),
    deliveries: source?.deliveries ?? 1,
    org: isRun ? org : null,
    runId: isRun ? run : null,
    firstAt: now.toISOString(),
    state: "OPEN",
    expireAt: new Date(now.getTime() + keptMilliseconds).toISOString(),
  };
}
