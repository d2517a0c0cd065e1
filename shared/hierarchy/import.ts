import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import type { EntityDocument } from "./entity.ts";
import { asEnded } from "./entity-end.ts";
import { hierarchyCsv, readHierarchyCsv, tooLarge } from "./hierarchy-csv.ts";
import { currentTree, entitiesNamed } from "./hierarchy-store.ts";
import { ImportItem, type ImportPlan, ImportProblem, importItems, importPlan } from "./import-plan.ts";
import type { Reference, ReferenceKind } from "./references.ts";
import { changeStructure, type OnStructure, type StructurePorts } from "./structure-change.ts";
import { descendantsOf, entityIdOf, type Tree } from "./tree.ts";
import { momentParameters, structureAt } from "./tree-read.ts";

/** A body that holds the largest file, its line ends and quotes escaped. */
export const importBodyBytes = 6 * 1024 * 1024;
const maximumChanges = 2_000;

const importFields = {
  csv_content: Type.String(),
  mode: choice(["sync", "merge"], { default: "sync" }),
  force: Type.Boolean({ default: false }),
};

export const PreviewRequest = strictObject(importFields);
export type PreviewRequest = Static<typeof PreviewRequest>;

export const ImportRequest = strictObject({
  ...importFields,
  fail_fast: Type.Boolean({ default: true }),
  expected_version: Type.Optional(Type.Integer({ minimum: 0 })),
  confirm_delete_all: Type.Boolean({ default: false }),
});
export type ImportRequest = Static<typeof ImportRequest>;

const items = () => Type.Array(ImportItem);
export const ImportPreview = strictObject({
  summary: strictObject({
    creates: Type.Integer(),
    updates: Type.Integer(),
    deletes: Type.Integer(),
    unchanged: Type.Integer(),
  }),
  is_valid: Type.Boolean(),
  has_changes: Type.Boolean(),
  creates: items(),
  updates: items(),
  deletes: items(),
  unchanged: items(),
  validation_errors: Type.Array(ImportProblem),
  hierarchy_version: Type.Integer(),
});
export type ImportPreview = Static<typeof ImportPreview>;

export const ImportAnswer = strictObject({
  success: Type.Boolean(),
  created_count: Type.Integer(),
  updated_count: Type.Integer(),
  deleted_count: Type.Integer(),
  unchanged_count: Type.Integer(),
  errors: Type.Array(ImportProblem),
  hierarchy_version: Type.Integer(),
});
export type ImportAnswer = Static<typeof ImportAnswer>;

export const ExportQuery = strictObject(momentParameters);
type ExportQuery = Static<typeof ExportQuery>;
export const ExportAnswer = Type.Unsafe<string>(Type.Any({ description: "Active entities as CSV, parents first" }));

/** The active entities as a file, parents first: now, or as the structure stood at a moment. */
export async function exportHierarchy(
  org: OrgIdentity,
  query: ExportQuery,
  ports: { documents: Documents; clock: { now(): Date } },
): Promise<Reply<string>> {
  const { tree, entities: former } = await structureAt(org, query, ports);
  const ids = descendantsOf(tree, null).map(({ id }) => id);
  const current = await entitiesNamed(
    org,
    ids.filter((id) => !former.has(id)),
    ports.documents,
  );
  const entities = ids.flatMap((id) => former.get(id) ?? current.get(id)?.body ?? []);
  return new Reply(200, hierarchyCsv(entities, tree), {
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": `attachment; filename="hierarchy_${org.slug}.csv"`,
  });
}

/** What an import would do; writes nothing. Throws `IMPORT_TOO_LARGE`, `INVALID_BODY` for what is no such file. */
export async function previewImport(
  asked: { org: OrgIdentity; request: PreviewRequest; kinds: readonly ReferenceKind[] },
  ports: { documents: Documents; clock: { now(): Date } },
): Promise<ImportPreview> {
  const { org, request } = asked;
  const rows = readHierarchyCsv(request.csv_content);
  const tree = await currentTree(org, ports.documents);
  const stored = await entitiesNamed(org, idsOf(rows, tree), ports.documents);
  const references = await ports.documents.transaction((tx) => referencesOf(org, asked.kinds, tx));
  const plan = importPlan(
    { rows, ...request },
    {
      tree,
      references,
      stored: (id) => stored.get(id)?.body,
      now: ports.clock.now().toISOString(),
      by: "preview",
    },
  );
  return previewAnswer(plan, tree);
}

async function referencesOf(
  org: OrgIdentity,
  kinds: readonly ReferenceKind[],
  tx: Parameters<ReferenceKind["read"]>[1],
): Promise<Reference[]> {
  const read = await Promise.all(kinds.map((kind) => kind.read(org, tx)));
  return read.flatMap(({ references }) => references);
}

function idsOf(rows: ReturnType<typeof readHierarchyCsv>, tree: Tree): string[] {
  return [...tree.nodes.keys(), ...rows.flatMap((row) => entityIdOf(row.entity_id ?? "") ?? [])];
}

function previewAnswer(plan: ImportPlan, tree: Tree): ImportPreview {
  const { creates, updates, deletes, unchanged, problems } = plan;
  const by = { tree, problems };
  const plain = (entities: readonly EntityDocument[]) => entities.map((entity) => ({ entity }));
  return {
    summary: {
      creates: creates.length,
      updates: updates.length,
      deletes: deletes.length,
      unchanged: unchanged.length,
    },
    is_valid: problems.length === 0,
    has_changes: changesOf(plan) > 0,
    creates: importItems("create", creates, by),
    updates: importItems("update", updates, by),
    deletes: importItems("delete", plain(deletes), by),
    unchanged: importItems("unchanged", plain(unchanged), by),
    validation_errors: problems,
    hierarchy_version: tree.version,
  };
}

function changesOf({ creates, updates, deletes }: ImportPlan): number {
  return creates.length + updates.length + deletes.length;
}

/**
 * Makes the structure what the file says, all of it or nothing, in one transaction; a file that says what is makes no
 * version. Throws `IMPORT_TOO_LARGE`, `IMPORT_WOULD_DELETE_ALL`, `VERSION_CONFLICT`, `LIMIT_REACHED`, `INVALID_BODY`, and
 * `HIERARCHY_IMPORT_INVALID` naming the rows: the first with `fail_fast`, else all.
 */
export async function importHierarchy(
  asked: OnStructure & { request: ImportRequest; kinds: readonly ReferenceKind[] },
  effects: Effects<ImportAnswer>,
  given: StructurePorts,
): Promise<Answer<ImportAnswer>> {
  const { request } = asked;
  const rows = readHierarchyCsv(request.csv_content);
  return changeStructure(asked, effects, given, {
    operation: "hierarchy.imported",
    kinds: asked.kinds,
    reads: (tree) => idsOf(rows, tree),
    write: (draft) => {
      const { before: tree } = draft;
      if (request.expected_version !== undefined && request.expected_version !== tree.version)
        throw new AppError("VERSION_CONFLICT", `The structure has version ${tree.version}.`);
      const stored = (id: string): EntityDocument | undefined => draft.entity(id).body;
      const plan = importPlan({ rows, ...request }, { ...draft, tree, stored });
      refuseDeletingAll(rows.length === 0, "The file has no rows.", request);
      refuseProblems(plan, request.fail_fast);
      const isAll = tree.nodes.size > 0 && plan.deletes.length === tree.nodes.size;
      refuseDeletingAll(isAll, "The import would delete every entity.", request);
      if (changesOf(plan) > maximumChanges) throw tooLarge(`${maximumChanges} changes`);
      for (const { entity } of [...plan.creates, ...plan.updates])
        draft.put({ ...entity, updatedAt: draft.now, updatedBy: draft.by });
      for (const entity of plan.deletes) draft.put(asEnded(entity, draft));
      const answer = answerOf(plan, tree.version + (changesOf(plan) > 0 ? 1 : 0));
      const { errors: _errors, success: _success, ...counts } = answer;
      return { answer, details: { resourceId: "import", details: { mode: request.mode, ...counts } } };
    },
  });
}

function refuseDeletingAll(isAll: boolean, message: string, request: ImportRequest): void {
  if (!isAll || request.confirm_delete_all) return;
  throw new AppError("IMPORT_WOULD_DELETE_ALL", `${message} Say confirm_delete_all if that is meant.`);
}

function refuseProblems({ problems }: ImportPlan, failFast: boolean): void {
  const told = failFast ? problems.slice(0, 1) : problems;
  const [first] = told;
  if (first === undefined) return;
  const where = first.row === 0 ? "" : `row ${first.row}, `;
  throw new AppError("HIERARCHY_IMPORT_INVALID", `Nothing was imported: ${where}${first.field} ${first.problem}.`, {
    fields: told.map(({ row, field, problem }) => ({ path: `/csv_content/${row}/${field}`, problem })),
    extra: { success: false, errors: told },
  });
}

function answerOf(plan: ImportPlan, version: number): ImportAnswer {
  return {
    success: true,
    created_count: plan.creates.length,
    updated_count: plan.updates.length,
    deleted_count: plan.deletes.length,
    unchanged_count: plan.unchanged.length,
    errors: [],
    hierarchy_version: version,
  };
}
