import type { Server } from "node:http";
import { Cron } from "croner";
import { writePush } from "#shared/platform/topics/push-message.ts";
import type { Delivery, SubscribableTopics } from "#shared/platform/topics/topics.ts";
import { type AnyFunction, defaultSubscriptionPolicy, topicOf } from "#shared/runtime/declaration.ts";
import type { Log } from "#shared/runtime/log.ts";
import { emitPost } from "./emit-request.ts";
import type { Functions } from "./functions.ts";
import type { InFlight } from "./in-flight.ts";

/** What wakes functions of a host: their servers by name, its bus, its count of work in progress, its log. */
export interface WakeUps {
  functions: Functions;
  serverOf: (name: string) => Server;
  topics: SubscribableTopics;
  work: InFlight;
  log: Log;
}

/** Subscribes every function that a topic feeds; an answer other than 2xx asks for redelivery. */
export function subscribeFunctions(by: WakeUps): void {
  for (const [name, fn] of Object.entries(by.functions)) {
    const topic = topicOf(name, fn);
    if (topic === undefined) continue;
    const deliver = (delivery: Delivery): Promise<void> =>
      by.work.during(() => push(by.serverOf(name), name, delivery));
    by.topics.subscribe(topic, policyOf(fn), fn.kind === "scheduled" ? oneAtATime(deliver) : deliver);
  }
}

/** Publishes each scheduled function's tick at its times (UTC) until the returned function is called. */
export function startTicks({ functions, topics, log }: WakeUps): () => void {
  const crons = Object.entries(functions).flatMap(([name, fn]) => {
    if (fn.kind !== "scheduled") return [];
    const report = (error: unknown): void => log.error({ function: name, reason: String(error) }, "tick not published");
    const tick = () => topics.publish([{ topic: `tick-${name}`, payload: {}, attributes: {} }]);
    return [new Cron(fn.declaration.cron, { timezone: "UTC", protect: true, unref: true, catch: report }, tick)];
  });
  return () => {
    for (const cron of crons) cron.stop();
  };
}

function policyOf(fn: AnyFunction) {
  return { ...defaultSubscriptionPolicy, ...(fn.kind === "topic" ? fn.declaration.policy : {}) };
}

async function push(server: Server, name: string, delivery: Delivery): Promise<void> {
  const status = await emitPost(server, Buffer.from(JSON.stringify(writePush(delivery))));
  if (status < 200 || status > 299) throw new Error(`${name} answered ${status}`);
}

/** A tick that comes while the one before is at work is skipped: it would only repeat it. */
function oneAtATime(deliver: (delivery: Delivery) => Promise<void>): (delivery: Delivery) => Promise<void> {
  let isAtWork = false;
  return async (delivery) => {
    if (isAtWork) return;
    isAtWork = true;
    try {
      await deliver(delivery);
    } finally {
      isAtWork = false;
    }
  };
}
