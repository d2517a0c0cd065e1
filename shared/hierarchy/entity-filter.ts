import { pastInstant } from "#shared/runtime/past-instant.ts";
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

/** The moment of `structure_as_of`. Throws as `pastInstant`. */
export function structureInstant(text: string | undefined, now: Date): string | undefined {
  return text === undefined ? undefined : pastInstant("structure_as_of", text, now);
}
