import { bootstrapAtStart } from "#scripts/start/bootstrap-at-start.ts";
import type { Functions } from "#scripts/start/functions.ts";
import { startHost } from "#scripts/start/host.ts";
import { openPorts } from "#scripts/start/host-ports.ts";
import { forgetEarlierBoot } from "#shared/pipelines/sweeper.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { readConfiguration } from "#shared/runtime/config.ts";

/** Durable effects until the process ends itself; none while it is not armed. */
let left = Number.POSITIVE_INFINITY;

/**
 * The local host as `npm start` runs it, for the crash test: after a message `{ arm: n }` the process is killed, as by
 * kill -9, right after its n-th durable effect (a committed transaction, a written batch, a published message).
 */
export async function startCrashingHost(functions: Functions): Promise<void> {
  const config = await readConfiguration(process.env);
  const ports = await openPorts({}, { config, clock: systemClock, functions });
  const host = await startHost({
    config,
    functions,
    ports: {
      ...ports,
      documents: counted(ports.documents, "transaction"),
      warehouse: counted(ports.warehouse, "write"),
      topics: counted(ports.topics, "publish"),
    },
    ticks: false,
    log: {
      info: () => {},
      warn: () => {},
      error: (fields, message) => console.error(message, fields),
      debug: () => {},
    },
    onStart: [bootstrapAtStart, forgetEarlierBoot],
  });
  process.on("message", (message: { arm: number }) => {
    left = message.arm;
    process.send?.({ armed: message.arm });
  });
  process.send?.({ url: host.url });
}

/** The port with one verb that may be the last thing this process does. */
function counted<Port extends object>(port: Port, verb: keyof Port): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== verb || typeof value !== "function") return typeof value === "function" ? value.bind(target) : value;
      return async (...args: unknown[]) => {
        const result: unknown = await value.apply(target, args);
        left -= 1;
        if (left === 0) process.kill(process.pid, "SIGKILL");
        return result;
      };
    },
  });
}
