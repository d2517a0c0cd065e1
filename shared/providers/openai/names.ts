import { isAppError } from "#shared/runtime/errors.ts";
import type { Findings } from "../findings.ts";
import type { ProviderHttp } from "../provider-http.ts";
import { allItems, type Source } from "./client.ts";
import type { Dimensions } from "./schema.ts";

/** Display names by id; an id without one has null in the rows. */
export interface Names {
  projects: ReadonlyMap<string, string>;
  apiKeys: ReadonlyMap<string, string>;
}

type NameList = Promise<ReadonlyMap<string, string>>;

// The client lives as long as the run, so both steps of a run share its look-ups.
const lookedUp = new WeakMap<ProviderHttp, Map<string, NameList>>();

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
      copy(await listOnce(source, "/v1/organization/projects", { include_archived: "true" }), projects);
    }
    for (const id of projectIds)
      copy(await listOnce(source, `/v1/organization/projects/${encodeURIComponent(id)}/api_keys`), apiKeys);
  } catch (error) {
    if (!isAppError(error)) throw error;
    found.add("name_lookup_failed", "names", error.code);
  }
  return { projects, apiKeys };
}

function listOnce(source: Source, path: string, query: Record<string, string> = {}): NameList {
  const lists = lookedUp.get(source.http) ?? new Map<string, NameList>();
  lookedUp.set(source.http, lists);
  const known = lists.get(path) ?? namesAt(source, path, query);
  lists.set(path, known);
  // An aborted look-up says nothing about the provider: it must not stay.
  known.catch((error: unknown) => {
    if (!isAppError(error)) lists.delete(path);
  });
  return known;
}

async function namesAt(source: Source, path: string, query: Record<string, string>): NameList {
  const items = await allItems(source, path, query);
  return new Map(
    items.flatMap((item): [string, string][] => {
      const name = item.has("name") ? item.text("name") : null;
      return name === null ? [] : [[item.requiredText("id"), name]];
    }),
  );
}

function copy(from: ReadonlyMap<string, string>, to: Map<string, string>): void {
  for (const [id, name] of from) to.set(id, name);
}
