import { type Static, Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { blankEntity } from "./entity-create.ts";
import { parentFor } from "./placement.ts";
import { changeStructure, type OnStructure, type StructurePorts } from "./structure-change.ts";
import type { Draft } from "./structure-draft.ts";

export const SeedQuery = strictObject({ force: Type.Boolean({ default: false }) });

export const SeedAnswer = strictObject({
  created: Type.Integer(),
  skipped: Type.Integer(),
  errors: Type.Array(strictObject({ entity_id: Type.String(), problem: Type.String() })),
});
export type SeedAnswer = Static<typeof SeedAnswer>;

interface SeedRow {
  entity_id: string;
  entity_name: string;
  level_code: string;
  parent_id: string;
}

/**
 * Makes the entities of the shipped example, parents first. With `force` also beside entities that exist; nothing is ever
 * changed or deleted. Throws `ENTITIES_EXIST`.
 */
export async function seedEntities(
  asked: OnStructure & { force: boolean },
  effects: Effects<SeedAnswer>,
  given: StructurePorts,
): Promise<Answer<SeedAnswer>> {
  const rows = (await configFile("hierarchy/seed/data/default_hierarchy.csv")) as SeedRow[];
  return changeStructure(asked, effects, given, {
    operation: "entity.seeded",
    reads: () => rows.map((row) => row.entity_id),
    write: (draft) => {
      if (draft.before.nodes.size > 0 && !asked.force)
        throw new AppError("ENTITIES_EXIST", "There are entities already; force adds the missing ones.");
      const answer: SeedAnswer = { created: 0, skipped: 0, errors: [] };
      for (const row of rows) seedRow(row, draft, answer);
      return { answer, details: { resourceId: "seed", details: { created: answer.created } } };
    },
  });
}

function seedRow(row: SeedRow, draft: Draft, answer: SeedAnswer): void {
  if (draft.entity(row.entity_id).body !== undefined) {
    answer.skipped += 1;
    return;
  }
  const level = draft.levels().find(({ levelCode }) => levelCode === row.level_code);
  try {
    if (level === undefined) throw new AppError("INVALID_BODY", `There is no level ${row.level_code}.`);
    const parentId = parentFor(draft.after(), { level: level.level, parentId: row.parent_id || null });
    draft.put({
      ...blankEntity({ id: row.entity_id, level: level.level, parentId }, draft),
      entityName: row.entity_name,
    });
    answer.created += 1;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    answer.errors.push({ entity_id: row.entity_id, problem: error.message });
  }
}
