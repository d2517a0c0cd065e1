import { join } from "node:path";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { batchDaysOf, publishedMonth } from "#shared/ledger/current-batches.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { folderObjects } from "#shared/platform/objects/folder-objects.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import type { ImportAnswer } from "./import-answer.ts";
import { createImport, type ImportCreateAnswer, type ImportQuery } from "./import-create.ts";
import { readImport } from "./imports-read.ts";

/** The embedded platform with an organization that takes FOCUS files. */
export interface FocusWorld {
  world: World;
  org: OrgIdentity;
  ports: EnginePorts & { objects: Objects };
  credentialId: string;
  delivered(file: Buffer, query?: ImportQuery): Promise<{ status: number; body: ImportCreateAnswer }>;
  /** Delivers, works on the run, and answers the import as it ended. */
  imported(file: Buffer, query?: ImportQuery): Promise<ImportAnswer>;
  /** Ledger version of a month. */
  version(month: string): Promise<number>;
  /** Published rows of one table in a month, in the order of their record numbers or dates. */
  rows(table: string, month: string): Promise<Record<string, unknown>[]>;
  /** Billed USD by published day of a month, with the day's state. */
  days(month: string): Promise<Record<string, string>>;
}

export async function startFocusWorld(metadata: Record<string, unknown> = {}): Promise<FocusWorld> {
  const world = await startWorld();
  const ports = { ...world.ports, objects: folderObjects({ folder: join(world.ports.config.CA_DATA_DIR, "objects") }) };
  const { org } = await world.onboarded("focus_co");
  const connected = await setUpIntegration(
    { org, provider: "focus", request: { metadata } },
    plainEffects<SetupAnswer>(ports),
    ports,
  );
  return focusWorldOf({ world, org, ports, credentialId: connected.credential_id });
}

function focusWorldOf(given: Pick<FocusWorld, "world" | "org" | "ports" | "credentialId">): FocusWorld {
  const { org, ports } = given;
  const delivered: FocusWorld["delivered"] = async (file, query = {}) => {
    const request = {
      org,
      caller: { kind: "root" as const, credentialId: "root" as const },
      provider: "focus",
      query,
      file,
      requestId: "req_test",
      traceparent: undefined,
      claimedUser: undefined,
    };
    const answer = await createImport(request, plainEffects<ImportCreateAnswer>(ports), ports);
    return answer instanceof Reply ? { status: answer.status, body: answer.body } : { status: 200, body: answer };
  };
  const published = async (month: string) => {
    const { body } = await ports.documents.get<OrgDocument>(orgPath(org.key));
    return {
      dataset: body?.dataset.id ?? "",
      ...(await publishedMonth(org, month, body?.ledgerEpoch ?? 1, ports.documents)),
    };
  };
  return {
    ...given,
    delivered,
    imported: async (file, query) => {
      const { body } = await delivered(file, query);
      if (!("import_id" in body)) throw new Error("a dry run is no import");
      await processRun({ org: org.key, run_id: body.run_id }, ports);
      return readImport({ org, provider: "focus", importId: body.import_id }, ports.documents);
    },
    version: async (month) => (await published(month)).version,
    rows: async (name, month) => {
      const { dataset, days } = await published(month);
      const table = (await loadTableConfig("organizations")).tables.find((each) => each.name === name);
      if (table === undefined) throw new Error(`no table ${name}`);
      const columns = table.columns.map((column) => column.name);
      const frame = await ports.warehouse.read({ datasetId: dataset, table }, batchDaysOf(days, name), columns);
      return rowsOf(frame, table);
    },
    days: async (month) => {
      const { days } = await published(month);
      return Object.fromEntries(days.map(({ day, state, totals }) => [day, `${state} ${totals["USD"]?.[0] ?? "0"}`]));
    },
  };
}
