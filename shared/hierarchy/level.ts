import { type Static, type TProperties, Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import type { HierarchyLevel } from "./default-levels.ts";

/** The deepest level there may be. */
export const maximumLevels = 10;
const optional = Type.Optional;

const codeForm = "^[a-z][a-z0-9_]{1,29}$";
const described = {
  level_name: plainText(1, 50),
  level_name_plural: plainText(1, 50),
};
const furtherFields = {
  parent_level: optional(nullable(Type.Integer({ minimum: 1, maximum: maximumLevels }))),
  is_required: optional(Type.Boolean()),
  is_leaf: optional(Type.Boolean()),
  max_children: optional(nullable(Type.Integer({ minimum: 1, maximum: 1_000_000 }))),
  id_prefix: optional(nullable(Type.String({ maxLength: 10, pattern: "^[A-Z0-9_-]+$" }))),
  id_auto_generate: optional(Type.Boolean()),
  metadata_schema: optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
  display_order: optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  icon: optional(nullable(plainText(1, 50))),
  color: optional(nullable(plainText(1, 20))),
  is_active: optional(Type.Boolean()),
} satisfies TProperties;

export const LevelRequest = strictObject({
  level: Type.Integer({ minimum: 1, maximum: maximumLevels }),
  level_code: Type.String({ pattern: codeForm }),
  ...described,
  ...furtherFields,
});
export type LevelRequest = Static<typeof LevelRequest>;

export const LevelUpdate = strictObject({
  level_code: optional(Type.String({ pattern: codeForm })),
  level_name: optional(described.level_name),
  level_name_plural: optional(described.level_name_plural),
  ...furtherFields,
});
export type LevelUpdate = Static<typeof LevelUpdate>;

export const LevelAnswer = strictObject({
  level: Type.Integer(),
  level_code: Type.String(),
  level_name: Type.String(),
  level_name_plural: Type.String(),
  parent_level: nullable(Type.Integer()),
  is_required: Type.Boolean(),
  is_leaf: Type.Boolean(),
  max_children: nullable(Type.Integer()),
  id_prefix: nullable(Type.String()),
  id_auto_generate: Type.Boolean(),
  metadata_schema: nullable(Type.Record(Type.String(), Type.Unknown())),
  display_order: Type.Integer(),
  icon: nullable(Type.String()),
  color: nullable(Type.String()),
  is_active: Type.Boolean(),
});
export type LevelAnswer = Static<typeof LevelAnswer>;

export const LevelList = strictObject({
  org_slug: Type.String(),
  levels: Type.Array(LevelAnswer),
  total: Type.Integer(),
  max_depth: Type.Integer(),
});
export type LevelList = Static<typeof LevelList>;

export function levelAnswer(level: HierarchyLevel): LevelAnswer {
  return {
    level: level.level,
    level_code: level.levelCode,
    level_name: level.levelName,
    level_name_plural: level.levelNamePlural,
    parent_level: level.parentLevel,
    is_required: level.isRequired,
    is_leaf: level.isLeaf,
    max_children: level.maxChildren,
    id_prefix: level.idPrefix,
    id_auto_generate: level.idAutoGenerate,
    metadata_schema: level.metadataSchema,
    display_order: level.displayOrder,
    icon: level.icon,
    color: level.color,
    is_active: level.isActive,
  };
}

export function levelList(orgSlug: string, levels: readonly HierarchyLevel[]): LevelList {
  return { org_slug: orgSlug, levels: levels.map(levelAnswer), total: levels.length, max_depth: levels.length };
}

/** The level with this number. Throws `LEVEL_NOT_FOUND`. */
export function levelNumbered(levels: readonly HierarchyLevel[], level: number): HierarchyLevel {
  const found = levels.find((each) => each.level === level);
  if (found === undefined) throw new AppError("LEVEL_NOT_FOUND", `There is no level ${level}.`);
  return found;
}

/** The level with this code. Throws `INVALID_BODY` at the field, or `INVALID_PARAMETER` where a query names it. */
export function levelCoded(
  levels: readonly HierarchyLevel[],
  code: string,
  at: { code: "INVALID_BODY" | "INVALID_PARAMETER"; path: string } = { code: "INVALID_BODY", path: "/level_code" },
): HierarchyLevel {
  const found = levels.find((each) => each.levelCode === code.toLowerCase());
  if (found !== undefined) return found;
  const problem = `must be one of ${levels.map((each) => each.levelCode).join(", ")}`;
  throw new AppError(at.code, `level_code ${problem}.`, { fields: [{ path: at.path, problem }] });
}

/** The level number in an address. Throws `LEVEL_NOT_FOUND` for what is none. */
export function levelOfPath(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new AppError("LEVEL_NOT_FOUND", "There is no such level.");
}
