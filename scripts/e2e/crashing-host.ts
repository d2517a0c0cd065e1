import { bootstrapAtStart } from "#scripts/start/bootstrap-at-start.ts";
import type { Functions } from "#scripts/start/functions.ts";
import { startHost } from "#scripts/start/host.ts";
import { openPorts } from "#scripts/start/host-ports.ts";
import { forgetEarlierBoot } from "#shared/pipelines/sweeper.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { Message, SubscribableTopics } from "#shared/platform/topics/topics.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { freezingPorts } from "./freezing-ports.ts";

/** What the test asks of the process; each is answered with `{ done }`. */
export type Order =
  /** By organization: after how many durable effects from now its work stands still. Messages are delivered from then on. */
  | { arm: Record<string, number> }
  | { count: string }
  /** Messages that come again. */
  | { redeliver: readonly Message[] };

/** What the process tells. */
export type News =
  | { url: string }
  | { done: number }
  | { frozen: string }
  | { wrote: string }
  /** To a processor. */
  | { delivered: Message };

/** More than the handlers that stand still in one process. */
const concurrency = 1000;

/** The local host as `npm start` runs it, in which the work for an organization can be made to stand still. */
export async function startCrashingHost(functions: Functions): Promise<void> {
  const tell = (news: News): void => void process.send?.(news);
  const config = await readConfiguration(process.env);
  const { topics, release } = heldTopics(inProcessTopics({ concurrency }), (delivered) => tell({ delivered }));
  const opened = await openPorts({ topics }, { config, clock: systemClock, functions });
  const watcher = {
    frozen: (frozen: string) => tell({ frozen }),
    wrote: (wrote: string) => tell({ wrote }),
  };
  const { ports, freezes } = freezingPorts(opened, watcher);
  process.on("message", (order: Order) => {
    if ("count" in order) tell({ done: freezes.count(order.count) });
    else if ("redeliver" in order) void redelivered(order.redeliver, topics).then((done) => tell({ done }));
    else {
      freezes.arm(order.arm);
      release();
      tell({ done: 0 });
    }
  });
  const host = await startHost({
    config,
    functions,
    ports: { ...opened, ...ports },
    ticks: false,
    log: {
      info: () => {},
      warn: () => {},
      error: (fields, message) => console.error(message, fields),
      debug: () => {},
    },
    onStart: [bootstrapAtStart, forgetEarlierBoot],
  });
  tell({ url: host.url });
}

/** The bus, which delivers nothing before it is released. */
function heldTopics(topics: SubscribableTopics, delivers: (message: Message) => void) {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const held: SubscribableTopics = {
    ...topics,
    subscribe: (topic, policy, deliver) =>
      topics.subscribe(topic, policy, async (delivery) => {
        await released;
        const { payload, attributes } = delivery;
        if (topic.startsWith("pipeline-")) delivers({ topic, payload, attributes });
        await deliver(delivery);
      }),
  };
  return { topics: held, release };
}

/** Resolves when all of them have been handled. */
async function redelivered(messages: readonly Message[], topics: SubscribableTopics): Promise<number> {
  await topics.publish(messages);
  await topics.idle();
  return messages.length;
}
