import { type Static, Type } from "@sinclair/typebox";
import { organizationsPage } from "#shared/access/each-organization.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { organizationTables } from "./parts.ts";
import { pipelines } from "./registry.ts";

/** Message to `pipeline-outputs`: every organization's dataset is to have the tables that pipelines write, from the cursor on. */
export const OutputTablesMessage = strictObject({
  v: Type.Literal(1),
  cursor: Type.Optional(Type.String({ maxLength: 1000 })),
});
export type OutputTablesMessage = Static<typeof OutputTablesMessage>;

export function outputTablesMessage(cursor?: string): Message {
  const payload: OutputTablesMessage = { v: 1, ...(cursor === undefined ? {} : { cursor }) };
  return { topic: "pipeline-outputs", payload, attributes: {} };
}

type OutputPorts = { documents: Documents; warehouse: Warehouse; topics: Topics } & Pick<Surroundings, "clock" | "log">;

const workMilliseconds = 300_000;
const pageSize = 50;

/**
 * Makes the output tables that organizations lack, page by page; when its time is up the rest goes to the next message.
 * What stands is not touched, so a message that comes twice does no harm.
 */
export async function ensureOutputTables({ cursor }: OutputTablesMessage, ports: OutputPorts): Promise<void> {
  const until = ports.clock.now().getTime() + workMilliseconds;
  const tables = await outputTables();
  let from = cursor;
  do {
    const page = await organizationsPage(ports.documents, from, pageSize);
    const stored = await ports.documents.getAll<OrgDocument>(page.orgs.map(({ key }) => orgPath(key)));
    for (const { body, path } of stored) if (body?.state === "ACTIVE") await ensureOf(body, path, tables, ports);
    from = page.next;
    if (from !== undefined && ports.clock.now().getTime() >= until) {
      await ports.topics.publish([outputTablesMessage(from)]);
      return;
    }
  } while (from !== undefined);
}

/** A dataset that refuses concerns one organization; its own sync says what is wrong with it. */
async function ensureOf(
  { dataset }: OrgDocument,
  path: string,
  tables: readonly TableDefinition[],
  ports: OutputPorts,
): Promise<void> {
  const { created, failed } = await ensureTables(dataset, tables, ports.warehouse);
  if (created.length > 0) ports.log.info({ org: path, tables: created }, "output tables made");
  if (failed.length > 0) ports.log.error({ org: path, failed }, "output tables not made");
}

/** The tables that enabled pipelines of organizations write. */
async function outputTables(): Promise<TableDefinition[]> {
  const own = (await pipelines()).pipelines.filter(({ config }) => config.enabled && config.scope === "org");
  const names = new Set(own.flatMap(({ config }) => config.outputs.map(({ table }) => table)));
  const known = await organizationTables();
  return [...names].sort().flatMap((name) => known.get(name) ?? []);
}
