import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Batch, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { isAppError } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import type { Given, PortName } from "./ports.ts";

/** The same ports, those of one function, with its repeated transactions and its loads counted (`pipelines.md` 17). */
export function measuredPorts(operation: string, given: Given<PortName>): Given<PortName> {
  const { documents, warehouse }: Partial<Given<PortName>> = given;
  return {
    ...given,
    ...(documents === undefined ? {} : { documents: countedRetries(documents, operation, given.metrics) }),
    ...(warehouse === undefined ? {} : { warehouse: countedLoads(warehouse, given.metrics) }),
  };
}

function countedRetries(documents: Documents, operation: string, metrics: Metrics): Documents {
  const transaction: Documents["transaction"] = async (body) => {
    let runs = 0;
    try {
      return await documents.transaction((tx) => {
        runs += 1;
        return body(tx);
      });
    } finally {
      for (let again = 1; again < runs; again++) metrics.count("ca_transaction_retries_total", { operation });
    }
  };
  return withVerb(documents, "transaction", transaction);
}

function countedLoads(warehouse: Warehouse, metrics: Metrics): Warehouse {
  const write = async (batch: Batch): Promise<void> => {
    const table = batch.table.name;
    try {
      await warehouse.write(batch);
    } catch (error) {
      metrics.count("ca_load_jobs_total", {
        table,
        outcome: isAppError(error) && !error.retryable ? "refused" : "failed",
      });
      throw error;
    }
    metrics.count("ca_load_jobs_total", { table, outcome: "loaded" });
  };
  return withVerb(warehouse, "write", write);
}

/** All verbs as they are but one: what lies behind a port may not be built yet. */
function withVerb<Port extends object, Verb extends keyof Port>(port: Port, verb: Verb, own: Port[Verb]): Port {
  return new Proxy(port, { get: (target, name): unknown => (name === verb ? own : Reflect.get(target, name)) });
}
