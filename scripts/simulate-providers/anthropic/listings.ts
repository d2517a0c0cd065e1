import catalogue from "../anthropic-models.json" with { type: "json" };
import { formatInstant } from "../days.ts";
import type { JsonObject } from "../json.ts";
import type { Answer, AuthorizedCall } from "../provider.ts";
import { refused } from "./errors.ts";
import { organizationOf, workspacesOf } from "./organization.ts";
import { readLimit, refuseUnknown } from "./query.ts";

/** All things named here were made on 2025-12-01T00:00:00Z and later, a day apart, so that lists have an order. */
const firstCreatedAt = 1_764_547_200;
const day = 86_400;

type Item = JsonObject & { id: string };

/** `GET /v1/organizations/me`. */
export function me({ account, query }: AuthorizedCall): Answer {
  refuseUnknown(query, []);
  const { id, name } = organizationOf(account);
  return { status: 200, headers: {}, body: { id, type: "organization", name }, fields: { main: "id" } };
}

/** `GET /v1/models`, newest first. */
export function models({ query }: AuthorizedCall): Answer {
  const items = catalogue.models.map(({ id, display_name, created_at, max_input_tokens, max_tokens }) => ({
    id,
    type: "model",
    display_name,
    created_at,
    max_input_tokens,
    max_tokens,
    capabilities: null,
  }));
  return listPage(
    query,
    items.sort((a, b) => (a.created_at > b.created_at ? -1 : 1)),
    [],
  );
}

/** `GET /v1/organizations/workspaces`: never the default one, archived ones only with `include_archived=true`. */
export function workspaces({ account, query }: AuthorizedCall): Answer {
  const withArchived = query.get("include_archived") === "true";
  const items = workspacesOf(account).flatMap(({ id, name, isArchived }, index): Item[] => {
    if (id === null || (isArchived && !withArchived)) return [];
    const createdAt = firstCreatedAt + index * day;
    return [
      {
        id,
        type: "workspace",
        name,
        display_color: "#6C5BB9",
        created_at: formatInstant(createdAt),
        archived_at: isArchived ? formatInstant(createdAt + 30 * day) : null,
      },
    ];
  });
  return listPage(query, items, ["include_archived"]);
}

/** `GET /v1/organizations/api_keys`, of all workspaces or one, in all states or one. */
export function apiKeys({ account, query }: AuthorizedCall): Answer {
  const [status, workspaceId] = [query.get("status"), query.get("workspace_id")];
  const states = ["active", "inactive", "archived"];
  if (status !== null && !states.includes(status)) throw refused("status", `Input should be ${states.join(", ")}`);
  const keys = workspacesOf(account).flatMap((workspace) =>
    workspace.keys.map((key) => ({ key, workspaceId: workspace.id })),
  );
  const items = keys.flatMap(({ key, workspaceId: workspace_id }, index): Item[] => {
    if (key.id === null || (status !== null && key.status !== status)) return [];
    if (workspaceId !== null && workspace_id !== workspaceId) return [];
    return [
      {
        id: key.id,
        type: "api_key",
        name: key.name,
        partial_key_hint: `sk-ant-api03-...${key.id.slice(-4)}`,
        status: key.status,
        workspace_id,
        created_by: { id: key.ownerId, type: key.isService ? "service_account" : "user" },
        created_at: formatInstant(firstCreatedAt + index * day),
      },
    ];
  });
  return listPage(query, items, ["status", "workspace_id"]);
}

/** A list paged by the id before or after which to go on. */
function listPage(query: URLSearchParams, items: readonly Item[], extra: string[]): Answer {
  refuseUnknown(query, ["limit", "after_id", "before_id", ...extra]);
  const limit = readLimit(query, { usual: 20, most: 1000 });
  const [after, before] = [indexOf(query, "after_id", items), indexOf(query, "before_id", items)];
  if (after !== undefined && before !== undefined) throw refused("before_id", "Only one of after_id, before_id");
  const start = before === undefined ? (after ?? -1) + 1 : Math.max(0, before - limit);
  const end = Math.min(before ?? items.length, start + limit);
  const data = items.slice(start, end);
  return {
    status: 200,
    headers: {},
    body: {
      data,
      has_more: before === undefined ? end < items.length : start > 0,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
    },
    fields: { main: "data.*.id", enumeration: "data.*.status" },
  };
}

function indexOf(query: URLSearchParams, name: string, items: readonly Item[]): number | undefined {
  const id = query.get(name);
  if (id === null) return undefined;
  const index = items.findIndex((item) => item.id === id);
  if (index < 0) throw refused(name, `Input '${id}' is not in this list`);
  return index;
}
