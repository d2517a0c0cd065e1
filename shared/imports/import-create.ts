import { createHash } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import { isAmount, parseAmount } from "#shared/money/amount.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { reserveRun } from "#shared/pipelines/trigger.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import { type ImportDocument, importPath } from "#shared/providers/focus/import-store.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import { ImportReport, importReport, importStatus, importStatuses } from "./import-answer.ts";

export const ImportQuery = strictObject({
  source: Type.Optional(plainText(1, 200)),
  format: Type.Optional(choice(["focus"])),
  file_name: Type.Optional(plainText(1, 200)),
  control_rows: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
  control_total: Type.Optional(Type.String({ maxLength: 60 })),
  dry_run: Type.Optional(Type.Boolean()),
});
export type ImportQuery = Static<typeof ImportQuery>;

const ImportCreated = strictObject({
  import_id: Type.String(),
  status: choice(importStatuses),
  sha256: Type.String(),
  bytes: Type.Integer(),
  run_id: Type.String(),
  duplicate: Type.Boolean(),
});
type ImportCreated = Static<typeof ImportCreated>;

export const ImportCreateAnswer = Type.Union([ImportCreated, ImportReport]);
export type ImportCreateAnswer = Static<typeof ImportCreateAnswer>;

/** The largest upload; larger files come by storage. */
export const maximumUploadBytes = 30 * 1024 * 1024;
const maximumDryRunBytes = 5 * 1024 * 1024;
const importPipeline = "focus/cost/import";

export interface ImportRequest {
  org: OrgIdentity;
  caller: Caller;
  provider: string;
  query: ImportQuery;
  file: Buffer;
  requestId: string;
  traceparent: string | undefined;
  claimedUser: string | undefined;
}

type ImportPorts = ReservePorts & { objects: Objects };
type ImportEffects = Effects<ImportCreateAnswer>;

/** A file on its way to become an import. */
interface Delivery extends ImportRequest {
  sha256: string;
  credentialId: string;
  source: string;
  control: ImportDocument["control"];
}

/**
 * Takes a delivered file: keeps its bytes and makes the import with its run and quota in one transaction. The same bytes
 * again for the same source answer the import that stands, without a run. With `dry_run` nothing is kept.
 */
export async function createImport(
  request: ImportRequest,
  effects: ImportEffects,
  ports: ImportPorts,
): Promise<Answer<ImportCreateAnswer>> {
  const delivery = await deliveryOf(request, ports);
  if (request.query.dry_run === true) return dryRun(delivery, effects);
  const known = await standingImport(delivery, ports);
  if (known !== undefined) return answerStanding(known, effects);
  const importId = ports.ids.newId("imp");
  const object = `imports/${request.org.key}/${importId}`;
  await ports.objects.put(object, request.file);
  return reserved({ ...delivery, importId, object }, effects, ports);
}

async function deliveryOf(request: ImportRequest, ports: ImportPorts): Promise<Delivery> {
  const { org, query, file } = request;
  const entry = (await providers()).provider(request.provider);
  if (!entry.pipelines.includes(importPipeline)) {
    throw new AppError("IMPORT_REJECTED", `${entry.display_name} takes no files.`);
  }
  if (file.length === 0) throw new AppError("IMPORT_REJECTED", "The body is empty: send the file itself.");
  const { body: index } = await ports.documents.get<IntegrationsIndex>(indexPath(org));
  const credentials = Object.entries(index?.providers[entry.slug]?.credentials ?? {});
  const wanted = (query.source ?? "default").normalize("NFC").toLowerCase();
  const named = credentials.find(([, { name }]) => name.normalize("NFC").toLowerCase() === wanted);
  const only = query.source === undefined && credentials.length === 1 ? credentials[0] : undefined;
  const chosen = named ?? only;
  if (chosen === undefined) {
    const what = credentials.length === 0 ? "Connect it first" : "Name one of its credentials with source";
    throw new AppError("INTEGRATION_NOT_CONFIGURED", `${what}: POST /api/v1/integrations/{org}/${entry.slug}/setup.`);
  }
  return {
    ...request,
    provider: entry.slug,
    sha256: createHash("sha256").update(file).digest("hex"),
    credentialId: chosen[0],
    source: chosen[1].name,
    control: { rows: query.control_rows ?? null, total: controlTotal(query.control_total) },
  };
}

function controlTotal(text: string | undefined): string | null {
  if (text === undefined) return null;
  try {
    if (isAmount(parseAmount(text))) return text;
  } catch (cause) {
    throw new AppError("INVALID_PARAMETER", "control_total must be a decimal.", {
      cause,
      fields: [{ path: "/control_total", problem: "is not a decimal" }],
    });
  }
  return text;
}

async function dryRun(delivery: Delivery, effects: ImportEffects): Promise<Reply<ImportCreateAnswer>> {
  if (delivery.file.length > maximumDryRunBytes) {
    throw new AppError("BODY_TOO_LARGE", `A dry run takes at most ${maximumDryRunBytes / 1024} KiB.`);
  }
  const [{ readFocusFile }, { heldBytes }] = await Promise.all([
    import("#shared/providers/focus/read-file.ts"),
    import("#shared/providers/focus/delivered-bytes.ts"),
  ]);
  const report = await readFocusFile(
    {
      content: heldBytes(delivery.file),
      sha256: delivery.sha256,
      uri: "dry-run",
      vendorName: null,
      control: delivery.control,
      provider: delivery.provider,
      isCloud: false,
    },
    { signal: new AbortController().signal },
  );
  const reply = new Reply<ImportCreateAnswer>(200, importReport(report, delivery.sha256));
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, reply, { action: "import.examined", details: { sha256: delivery.sha256 } });
    return reply;
  });
}

interface Standing {
  stored: ImportDocument;
  run: RunDocument | undefined;
}

/** The import of the same bytes for the same source that is complete or under way. */
async function standingImport(delivery: Delivery, ports: ImportPorts): Promise<Standing | undefined> {
  const { org, sha256, credentialId } = delivery;
  const page = await ports.documents.list<ImportDocument>({
    collection: `orgs/${org.key}/imports`,
    filters: [{ field: "sha256", is: "==", value: sha256 }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: 50,
  });
  const own = page.documents.map(({ body }) => body).filter((stored) => stored.credentialId === credentialId);
  const runs = await ports.documents.getAll<RunDocument>(own.map(({ runId }) => runPath(org.key, runId)));
  const standing = own.map((stored, at) => ({ stored, run: runs[at]?.body }));
  return standing.find(({ run }) => !["REJECTED", "FAILED"].includes(importStatus(run)));
}

function answerStanding({ stored, run }: Standing, effects: ImportEffects): Promise<Reply<ImportCreateAnswer>> {
  const reply = new Reply<ImportCreateAnswer>(200, created(stored, importStatus(run), true));
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, reply, {
      resourceId: stored.importId,
      details: { duplicate: true, sha256: stored.sha256 },
    });
    return reply;
  });
}

async function reserved(
  delivery: Delivery & { importId: string; object: string },
  effects: ImportEffects,
  ports: ImportPorts,
): Promise<Reply<ImportCreateAnswer>> {
  const { org, credentialId, importId } = delivery;
  const pipeline = (await pipelines()).byAddress(importPipeline);
  const runId = ports.ids.newId("run");
  const today = ports.clock.now().toISOString().slice(0, 10);
  const stored = importDocument(delivery, runId, ports.clock.now());
  const replyFor = (answer: Answer<RunAnswer>): Reply<ImportCreateAnswer> => {
    const run = answer instanceof Reply ? answer.body : answer;
    return new Reply(run.duplicate ? 200 : 202, { ...created(stored, "RECEIVED", run.duplicate), run_id: run.run_id });
  };
  const reply = await reserveRun(
    {
      ...delivery,
      pipeline,
      // What the file covers is known when it has been read.
      range: { start: today, end: today },
      runs: [
        { runId, credentialId, activeKey: `${pipeline.config.id}~${credentialId}~${delivery.sha256.slice(0, 12)}` },
      ],
      triggerType: "import",
      triggerBy: "import",
      forceRefresh: false,
      parameters: { import_id: importId },
      effects: {
        prepare: effects.prepare,
        conclude: (change, answer) =>
          effects.conclude(change, replyFor(answer), {
            resourceId: importId,
            details: { sha256: delivery.sha256, run_id: runId },
          }),
      },
      alsoWrite: (change) => change.create<ImportDocument>(importPath(org, importId), stored),
    },
    ports,
  );
  return replyFor(reply);
}

function importDocument(
  delivery: Delivery & { importId: string; object: string },
  runId: string,
  now: Date,
): ImportDocument {
  return {
    importId: delivery.importId,
    provider: delivery.provider,
    credentialId: delivery.credentialId,
    source: delivery.source,
    fileName: delivery.query.file_name ?? null,
    sha256: delivery.sha256,
    bytes: delivery.file.length,
    object: delivery.object,
    control: delivery.control,
    runId,
    rowsRead: 0,
    report: null,
    createdAt: now.toISOString(),
  };
}

function created(stored: ImportDocument, status: ImportCreated["status"], isDuplicate: boolean): ImportCreated {
  return {
    import_id: stored.importId,
    status,
    sha256: stored.sha256,
    bytes: stored.bytes,
    run_id: stored.runId,
    duplicate: isDuplicate,
  };
}
