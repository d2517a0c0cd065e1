import { type Static, Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import type { TreeNode } from "./tree.ts";

const optional = Type.Optional;
const maximumMetadataBytes = 10 * 1024;

/** Values of an entity's own properties: scalars only. */
export type Metadata = Record<string, string | number | boolean | null>;

/** Document `orgs/{key}/entities/{ENTITY_ID}`: the whole entity with its parent link; no path, no children. */
export interface EntityDocument {
  entityId: string;
  entityName: string;
  /** 1 is the top. */
  level: number;
  parentId: string | null;
  ownerId: string | null;
  ownerName: string | null;
  ownerEmail: string | null;
  description: string | null;
  metadata: Metadata | null;
  sortOrder: number;
  isActive: boolean;
  /** RFC 3339, UTC; null while it lasts. */
  endDate: string | null;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
}

const scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
const describing = {
  owner_id: optional(nullable(Type.String({ pattern: "^usr_[0-9A-HJKMNP-TV-Z]{26}$" }))),
  owner_name: optional(nullable(plainText(1, 200))),
  owner_email: optional(nullable(Type.String({ format: "email", maxLength: 254 }))),
  description: optional(nullable(plainText(0, 1000))),
  metadata: optional(nullable(Type.Record(Type.String({ maxLength: 100 }), scalar))),
  sort_order: optional(Type.Integer({ minimum: -1_000_000_000, maximum: 1_000_000_000 })),
};
const expectedVersion = { expected_version: optional(Type.Integer({ minimum: 1 })) };

export const EntityRequest = strictObject({
  entity_id: optional(Type.String({ pattern: "^[A-Za-z0-9_-]{1,50}$" })),
  entity_name: plainText(1, 200),
  level_code: Type.String({ minLength: 1, maxLength: 30 }),
  parent_id: optional(nullable(Type.String({ minLength: 1, maxLength: 50 }))),
  ...describing,
});
export type EntityRequest = Static<typeof EntityRequest>;

export const EntityUpdate = strictObject({
  entity_name: optional(plainText(1, 200)),
  is_active: optional(Type.Boolean()),
  ...describing,
  ...expectedVersion,
});
export type EntityUpdate = Static<typeof EntityUpdate>;

export const MoveRequest = strictObject({
  new_parent_id: nullable(Type.String({ minLength: 1, maxLength: 50 })),
  ...expectedVersion,
});
export type MoveRequest = Static<typeof MoveRequest>;

export const RestoreRequest = strictObject({
  parent_id: optional(nullable(plainText(1, 50))),
});
export type RestoreRequest = Static<typeof RestoreRequest>;

const text = nullable(Type.String());

export const EffectiveOwner = strictObject({
  entity_id: Type.String(),
  owner_id: text,
  owner_name: text,
  owner_email: text,
});
export type EffectiveOwner = Static<typeof EffectiveOwner>;

export const EntityAnswer = strictObject({
  id: Type.String(),
  org_slug: Type.String(),
  entity_id: Type.String(),
  entity_name: Type.String(),
  level: Type.Integer(),
  level_code: Type.String(),
  level_name: Type.String(),
  parent_id: text,
  path: Type.String(),
  path_ids: Type.Array(Type.String()),
  path_names: Type.Array(Type.String()),
  depth: Type.Integer(),
  children_count: Type.Integer(),
  owner_id: text,
  owner_name: text,
  owner_email: text,
  description: text,
  metadata: nullable(Type.Record(Type.String(), scalar)),
  sort_order: Type.Integer(),
  is_active: Type.Boolean(),
  end_date: text,
  version: Type.Integer(),
  created_at: Type.String({ format: "date-time" }),
  created_by: Type.String(),
  updated_at: Type.String({ format: "date-time" }),
  updated_by: Type.String(),
  effective_owner: nullable(EffectiveOwner),
  owner_departed: Type.Boolean(),
});
export type EntityAnswer = Static<typeof EntityAnswer>;

/** What people may write of an entity, in the entity's own form. Names are NFC. Throws `INVALID_BODY`. */
export function describedBy(
  request: Omit<EntityUpdate, "is_active" | "expected_version">,
  before: EntityDocument,
): EntityDocument {
  const { metadata } = request;
  if (metadata != null && Buffer.byteLength(JSON.stringify(metadata)) > maximumMetadataBytes)
    throw invalidField("/metadata", "is larger than 10 KB");
  return {
    ...before,
    entityName: request.entity_name === undefined ? before.entityName : entityNameOf(request.entity_name),
    ownerId: given(request.owner_id, before.ownerId),
    ownerName: given(request.owner_name?.normalize("NFC") ?? request.owner_name, before.ownerName),
    ownerEmail: given(request.owner_email, before.ownerEmail),
    description: given(request.description?.normalize("NFC") ?? request.description, before.description),
    metadata: given(metadata as Metadata | null | undefined, before.metadata),
    sortOrder: request.sort_order ?? before.sortOrder,
  };
}

function given<T>(value: T | undefined, before: T): T {
  return value === undefined ? before : value;
}

/** Throws `INVALID_BODY` for a name of blanks only. */
export function entityNameOf(sent: string): string {
  const name = sent.normalize("NFC");
  if (name.trim() === "") throw invalidField("/entity_name", "must not be blank");
  return name;
}

export function invalidField(path: string, problem: string): AppError {
  return new AppError("INVALID_BODY", `${path} ${problem}.`, { fields: [{ path, problem }] });
}

export function nodeOf(entity: EntityDocument): TreeNode {
  const { entityId: id, entityName: name, level, parentId, sortOrder: sort, ownerId } = entity;
  const isOwned = ownerId !== null || entity.ownerName !== null || entity.ownerEmail !== null;
  return { id, name, level, parentId, sort, ownerId, isOwned };
}
