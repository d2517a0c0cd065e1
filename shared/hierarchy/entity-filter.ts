import { AppError } from "#shared/runtime/errors.ts";
import {
  descendantsOf,
  entityIdOf,
  entityNotFound,
  nodeNamed,
  pathOf,
  type Tree,
  type TreeNode,
  unallocated,
} from "./tree.ts";

/** How a read of money names entities. Lists: several ids are OR; several parameters are AND. */
export interface EntityFilterRequest {
  hierarchy_entity_id?: string[] | undefined;
  hierarchy_path?: string[] | undefined;
  department_id?: string[] | undefined;
  project_id?: string[] | undefined;
  team_id?: string[] | undefined;
  /** One more entity that all must lie in. */
  within?: string | undefined;
}

/** What a filter by entities chooses. */
export interface ChosenEntities {
  /** As understood: the ids that were named. */
  named: string[];
  /** With all below them, by parent links; `UNALLOCATED` where it was named. */
  entities: string[];
}

const levelParameters = { department_id: 1, project_id: 2, team_id: 3 } as const;

/**
 * The entities that a read asks for and everything below them, in this tree; undefined when it asks for none. Throws
 * `ENTITY_NOT_FOUND` for an unknown entity, one of another level than the parameter means, and a path that is not the
 * entity's own. Source: hierarchy.md 2.5.
 */
export function chosenEntities(tree: Tree, request: EntityFilterRequest): ChosenEntities | undefined {
  const { within } = request;
  const lists = [
    within === undefined ? undefined : [nodeNamed(tree, within).id],
    namedIds(request.hierarchy_entity_id, (text) => idOf(tree, text)),
    namedIds(request.hierarchy_path, (text) => atPath(tree, text).id),
    ...Object.entries(levelParameters).map(([name, level]) =>
      namedIds(request[name as keyof typeof levelParameters], (text) => ofLevel(nodeNamed(tree, text), level).id),
    ),
  ].filter((list) => list !== undefined);
  if (lists.length === 0) return undefined;
  const sets = lists.map(
    (ids) => new Set(ids.flatMap((id) => [id, ...descendantsOf(tree, id).map((node) => node.id)])),
  );
  const [first = new Set<string>(), ...others] = sets;
  const entities = [...first].filter((id) => others.every((set) => set.has(id)));
  return { named: [...new Set(lists.flat())].sort(), entities: entities.sort() };
}

function namedIds(texts: readonly string[] | undefined, idNamed: (text: string) => string): string[] | undefined {
  return texts === undefined || texts.length === 0 ? undefined : texts.map(idNamed);
}

function idOf(tree: Tree, text: string): string {
  return text.toUpperCase() === unallocated ? unallocated : nodeNamed(tree, text).id;
}

function ofLevel(node: TreeNode, level: number): TreeNode {
  if (node.level !== level) throw entityNotFound();
  return node;
}

/** The entity that a path ends in, if the path is its own. */
function atPath(tree: Tree, text: string): TreeNode {
  const ids = text.split("/").filter((part) => part !== "");
  const id = entityIdOf(ids.at(-1) ?? "");
  const node = id === undefined ? undefined : tree.nodes.get(id);
  const path = ids.map((part) => `/${part.toUpperCase()}`).join("");
  if (node === undefined || pathOf(tree, node.id) !== path) throw entityNotFound();
  return node;
}

const instantForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * An instant of `structure_as_of`: RFC 3339 as sent, or the end of a UTC day; of today it is now. Whatever states no
 * offset is refused: it would mean another moment in every time zone. Throws `INVALID_PARAMETER`, also for the future.
 */
export function structureInstant(text: string | undefined, now: Date): string | undefined {
  if (text === undefined || text === now.toISOString().slice(0, 10)) return text && now.toISOString();
  const instant = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text;
  const at = Date.parse(instant);
  if (!instantForm.test(instant) || !isRealDay(text.slice(0, 10)) || !Number.isFinite(at))
    throw refusedMoment("must be a day or an instant");
  if (at > now.getTime()) throw refusedMoment("must not lie in the future");
  return instant;
}

function isRealDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return Number.isFinite(at.getTime()) && at.toISOString().startsWith(day);
}

function refusedMoment(problem: string): AppError {
  return new AppError("INVALID_PARAMETER", `structure_as_of ${problem}.`, {
    fields: [{ path: "/structure_as_of", problem }],
  });
}
