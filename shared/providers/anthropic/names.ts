import { isAppError } from "#shared/runtime/errors.ts";
import type { Findings } from "../findings.ts";
import { type NamesById, namesOnce } from "../names-once.ts";
import type { Source } from "../page-walk.ts";
import { paths } from "./client.ts";

/** Display names by id; an id without one has null in the rows. */
export interface Names {
  workspaces: NamesById;
  apiKeys: NamesById;
}

const none: NamesById = new Map();

/**
 * Names of workspaces and, when rows have keys, of the keys. A look-up that fails leaves its names out, with the finding
 * `name_lookup_failed`: names are decoration, ids are the keys. Source: `providers.md` 2.6.
 */
export async function namesFor(
  source: Source,
  places: readonly { workspaceId: string | null; apiKeyId?: string | null }[],
  found: Findings,
): Promise<Names> {
  const listed = async (isNeeded: boolean, path: string, query: Record<string, string>): Promise<NamesById> => {
    if (!isNeeded) return none;
    try {
      return await namesOnce(source, { path, cursor: "after_id", query });
    } catch (error) {
      if (!isAppError(error)) throw error;
      found.add("name_lookup_failed", path, error.code);
      return none;
    }
  };
  const hasWorkspaces = places.some(({ workspaceId }) => workspaceId !== null && workspaceId !== "default");
  const hasKeys = places.some(({ apiKeyId }) => typeof apiKeyId === "string");
  return {
    workspaces: await listed(hasWorkspaces, paths.workspaces, { include_archived: "true" }),
    apiKeys: await listed(hasKeys, paths.apiKeys, {}),
  };
}
