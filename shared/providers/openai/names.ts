import { isAppError } from "#shared/runtime/errors.ts";
import type { Findings } from "../findings.ts";
import { type NamesById, namesOnce } from "../names-once.ts";
import type { Source } from "../page-walk.ts";
import type { Dimensions } from "./schema.ts";

/** Display names by id; an id without one has null in the rows. */
export interface Names {
  projects: NamesById;
  apiKeys: NamesById;
}

/**
 * Names of the projects and keys that occur. A look-up that fails leaves its names out, with the finding
 * `name_lookup_failed`: names are decoration, ids are the keys. Source: `providers.md` 2.6.
 */
export async function namesFor(source: Source, places: readonly Dimensions[], found: Findings): Promise<Names> {
  const withKeys = places.filter(({ apiKeyId }) => apiKeyId !== null);
  const projectIds = [...new Set(withKeys.flatMap(({ projectId }) => projectId ?? []))].sort();
  const projects = new Map<string, string>();
  const apiKeys = new Map<string, string>();
  try {
    if (places.some(({ projectId }) => projectId !== null)) {
      const listing = { path: "/v1/organization/projects", cursor: "after", query: { include_archived: "true" } };
      copy(await namesOnce(source, listing), projects);
    }
    for (const id of projectIds) {
      const path = `/v1/organization/projects/${encodeURIComponent(id)}/api_keys`;
      copy(await namesOnce(source, { path, cursor: "after" }), apiKeys);
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
    found.add("name_lookup_failed", "names", error.code);
  }
  return { projects, apiKeys };
}

function copy(from: NamesById, to: Map<string, string>): void {
  for (const [id, name] of from) to.set(id, name);
}
