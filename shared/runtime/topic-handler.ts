import type { ServerResponse } from "node:http";
import { storableBody } from "#shared/platform/documents/document-rules.ts";
import { readPush } from "#shared/platform/topics/push-message.ts";
import type { Delivery } from "#shared/platform/topics/topics.ts";
import { type ScheduledFunction, type TopicFunction, topicOf } from "./declaration.ts";
import { AppError, isAppError } from "./errors.ts";
import type { NodeHandler } from "./http-handler.ts";
import type { Given, PortName } from "./ports.ts";
import { assertPushIdentity } from "./push-identity.ts";
import type { FrameworkRequest } from "./request.ts";
import { isStorable, validBody } from "./schema.ts";
import { noteTick } from "./tick-times.ts";

type AnyGiven = Given<PortName>;

/** A dead letter is itself a message, with the bus's limits for payload and attributes. */
const payloadBytes = 200_000;
const textBytes = 10_000;
const reasonBytes = 1_000;

/**
 * A function that Pub/Sub pushes to. 204 acknowledges; 503 asks for redelivery with backoff. What can never be read is
 * handed to the topic `dead-letter` with the reason and acknowledged.
 */
export function topicHandler(name: string, fn: TopicFunction | ScheduledFunction, given: AnyGiven): NodeHandler {
  return async (request, response) => {
    const startedAt = performance.now();
    let delivery: Delivery | undefined;
    let outcome: "done" | "retried" | "dead" | "refused" = "done";
    try {
      await assertPushIdentity(request.headers, given.config);
      delivery = readPush(parsed(request), request.headers, topicOf(name, fn));
      await deliver(fn, delivery, { name, given });
    } catch (error) {
      outcome = await failed(error, { name, delivery, request, given });
    }
    given.metrics.count("ca_messages_total", { function: name, outcome });
    given.log.info(
      {
        function: name,
        message_id: delivery?.messageId,
        attempt: delivery?.deliveryAttempt,
        outcome,
        duration_ms: Math.round(performance.now() - startedAt),
      },
      "message",
    );
    answer(response, outcome === "refused" ? 401 : outcome === "retried" ? 503 : 204);
  };
}

async function deliver(
  fn: TopicFunction | ScheduledFunction,
  delivery: Delivery,
  { name, given }: { name: string; given: AnyGiven },
): Promise<void> {
  if (fn.kind === "scheduled") return tick(name, fn, given);
  const payload: unknown = await validBody(fn.declaration.message, delivery.payload).catch((cause: unknown) => {
    // Only the message's own fault is final; a fault of ours while looking at it asks for redelivery.
    throw isAppError(cause, "INVALID_BODY") ? new AppError("MESSAGE_MALFORMED", cause.message, { cause }) : cause;
  });
  const { attributes, messageId, deliveryAttempt } = delivery;
  return fn.declaration.handle({ payload, attributes, messageId, deliveryAttempt }, given);
}

async function tick(name: string, { declaration }: ScheduledFunction, given: AnyGiven): Promise<void> {
  const at = given.clock.now();
  await declaration.handle({ at }, given);
  const { documents }: Partial<AnyGiven> = given;
  if (documents !== undefined) await noteTick(name, { cron: declaration.cron, at }, documents);
}

function parsed(request: FrameworkRequest): unknown {
  try {
    return JSON.parse((request.rawBody ?? Buffer.alloc(0)).toString("utf8"));
  } catch (cause) {
    throw new AppError("MESSAGE_MALFORMED", "The message is not JSON.", { cause });
  }
}

interface Failure {
  name: string;
  delivery: Delivery | undefined;
  request: FrameworkRequest;
  given: AnyGiven;
}

async function failed(error: unknown, failure: Failure): Promise<"retried" | "dead" | "refused"> {
  const { name, delivery, given } = failure;
  if (isAppError(error, "UNAUTHENTICATED")) return "refused";
  const reason = error instanceof Error ? error.message : String(error);
  given.log.error(
    {
      function: name,
      message_id: delivery?.messageId,
      reason,
      stack: error instanceof Error ? error.stack : undefined,
    },
    "message failed",
  );
  if (!isAppError(error, "MESSAGE_MALFORMED")) return "retried";
  const raw = failure.request.rawBody ?? Buffer.alloc(0);
  const payload = delivery === undefined ? readable(raw.toString("utf8")) : keepable(delivery.payload);
  const attributes = {
    ...delivery?.attributes,
    reason: firstBytes(reason, reasonBytes),
    function: name,
    ...(delivery === undefined ? {} : { topic: delivery.topic }),
    messageId: delivery?.messageId ?? given.ids.newId("mal"),
  };
  try {
    await given.topics.publish([{ topic: "dead-letter", payload, attributes }]);
    return "dead";
  } catch {
    return "retried";
  }
}

function answer(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

/** The payload as it came where a dead letter can keep it, else as much of its text as one can. */
function keepable(payload: unknown): unknown {
  try {
    storableBody("deadLetters/x", { payload });
    return isStorable(payload) && Buffer.byteLength(JSON.stringify(payload)) <= payloadBytes
      ? payload
      : readable(payload);
  } catch {
    return readable(payload);
  }
}

/** JSON text has an escape for everything that no store takes. */
function readable(content: unknown): { text: string } {
  return { text: firstBytes(JSON.stringify(content), textBytes) };
}

/** Cut between characters: half a character could be stored nowhere. */
function firstBytes(text: string, count: number): string {
  return new TextDecoder().decode(Buffer.from(text).subarray(0, count)).replace(/\ufffd+$/, "");
}
