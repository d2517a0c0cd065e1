import type { HierarchyLevel } from "./default-levels.ts";
import { describedBy, type EntityDocument, type EntityUpdate, type Metadata } from "./entity.ts";
import { blankEntity } from "./entity-create.ts";
import type { CsvRow } from "./hierarchy-csv.ts";
import { metadataProblem } from "./metadata-schema.ts";
import { entityIdOf } from "./tree.ts";

/** What is wrong with a row; rows are counted as a spreadsheet does, the header being 1. */
export interface RowProblem {
  row: number;
  field: string;
  problem: string;
}

/** A row as the entity it asks for. */
export interface WantedEntity {
  row: number;
  entity: EntityDocument;
  before: EntityDocument | undefined;
}

const emailForm = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const unprintable = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;

interface By {
  levels: readonly HierarchyLevel[];
  /** The entity with this id as it is now, deleted or not. */
  stored(id: string): EntityDocument | undefined;
  now: string;
  by: string;
}

/** The entity that a row asks for, or all that is wrong with the row by itself. */
export function wantedOf(cells: CsvRow, row: number, by: By): { wanted: WantedEntity } | { problems: RowProblem[] } {
  const problems: RowProblem[] = [];
  const fail = (field: string, problem: string): void => void problems.push({ row, field, problem });
  const id = entityIdOf(cells.entity_id ?? "");
  if (id === undefined) fail("entity_id", "is no id: 1-50 letters, digits, _ and -, and not reserved");
  const level = levelOf(cells, by.levels, fail);
  const update = updateOf(cells, fail);
  if (id === undefined || level === undefined) return { problems };
  const before = by.stored(id);
  if (before !== undefined && before.level !== level.level) fail("level", "must not change: make another entity");
  const parentId = parentOf(cells, level, fail);
  if (problems.length > 0) return { problems };
  const base = before ?? blankEntity({ id, level: level.level, parentId }, by);
  const entity = { ...described(update, base, fail), parentId, isActive: true, endDate: null };
  const wrong = metadataProblem(level, entity.metadata);
  if (wrong !== undefined) fail("metadata", `${wrong.path} ${wrong.problem}`);
  return problems.length > 0 ? { problems } : { wanted: { row, entity, before } };
}

type Fail = (field: string, problem: string) => void;

function described(update: EntityUpdate, base: EntityDocument, fail: Fail): EntityDocument {
  try {
    return describedBy(update, base);
  } catch (error) {
    fail("entity_name", error instanceof Error ? error.message : "is not valid");
    return base;
  }
}

function levelOf(cells: CsvRow, levels: readonly HierarchyLevel[], fail: Fail): HierarchyLevel | undefined {
  const level = levels.find((each) => String(each.level) === cells.level);
  if (level === undefined) {
    fail("level", `must be one of ${levels.map((each) => each.level).join(", ")}`);
    return undefined;
  }
  if (level.levelCode === cells.level_code?.toLowerCase()) return level;
  fail("level_code", `must be ${level.levelCode}, as level ${level.level} is`);
  return undefined;
}

function parentOf({ parent_id: text }: CsvRow, level: HierarchyLevel, fail: Fail): string | null {
  const isGiven = text !== undefined && text !== "";
  if (level.level === 1) {
    if (isGiven) fail("parent_id", "must be empty: entities of the first level have no parent");
    return null;
  }
  const id = isGiven ? entityIdOf(text) : undefined;
  if (id === undefined) fail("parent_id", "must be the id of an entity one level up");
  return id ?? null;
}

function updateOf(cells: CsvRow, fail: Fail): EntityUpdate {
  const update: EntityUpdate = { entity_name: checkedText("entity_name", cells.entity_name ?? "", 200, fail) };
  if (update.entity_name?.trim() === "") fail("entity_name", "must not be blank");
  if (cells.owner_name !== undefined)
    update.owner_name = checkedText("owner_name", cells.owner_name, 200, fail) || null;
  if (cells.owner_email !== undefined) update.owner_email = checkedEmail(cells.owner_email, fail);
  if (cells.description !== undefined)
    update.description = checkedText("description", cells.description, 1000, fail) || null;
  if (cells.metadata !== undefined) update.metadata = checkedMetadata(cells.metadata, fail);
  if (cells.sort_order !== undefined) update.sort_order = checkedOrder(cells.sort_order, fail);
  return update;
}

/** Line breaks within a description are text like any other in a file. */
function checkedText(field: string, text: string, maximum: number, fail: Fail): string {
  if ([...text].length > maximum) fail(field, `must not have more than ${maximum} characters`);
  const printed = field === "description" ? text.replace(/[\r\n\t]/g, " ") : text;
  if (unprintable.test(printed)) fail(field, "must not hold control characters");
  return text;
}

function checkedEmail(text: string, fail: Fail): string | null {
  if (text === "") return null;
  if (text.length > 254 || !emailForm.test(text)) fail("owner_email", "must be an address");
  return text;
}

function checkedOrder(text: string, fail: Fail): number {
  if (text === "") return 0;
  if (!/^-?\d{1,9}$/.test(text)) fail("sort_order", "must be a whole number");
  return Number(text);
}

function checkedMetadata(text: string, fail: Fail): Metadata | null {
  if (text === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject && Object.values(value).every((each) => each === null || typeof each !== "object"))
      return value as Metadata;
  } catch {
    // Told below, like anything else that is no object of scalars.
  }
  fail("metadata", "must be a JSON object of texts, numbers and booleans");
  return null;
}
