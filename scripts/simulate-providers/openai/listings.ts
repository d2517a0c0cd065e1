import { hexId } from "../draw.ts";
import type { JsonObject } from "../json.ts";
import catalogue from "../openai-models.json" with { type: "json" };
import type { Answer, AuthorizedCall } from "../provider.ts";
import { refused } from "./errors.ts";
import { type ApiKey, projectsOf } from "./organization.ts";
import { invalid, readLimit } from "./query.ts";

/** All things named here were made on 2025-12-01T00:00:00Z and later, a day apart, so that lists have an order. */
const firstCreatedAt = 1_764_547_200;
const day = 86_400;

/** `GET /v1/models`: no paging. */
export function models(): Answer {
  const data = catalogue.models.map(({ id, created }) => ({
    id,
    object: "model",
    created,
    owned_by: "system",
    shutdown_date: null,
  }));
  return { status: 200, headers: {}, body: { object: "list", data }, fields: { main: "data.*.id" } };
}

/** `GET /v1/organization/projects`: archived ones only with `include_archived=true`. */
export function projects({ account, query }: AuthorizedCall): Answer {
  const withArchived = query.get("include_archived") === "true";
  const items = projectsOf(account).map((project, index) => {
    const created_at = firstCreatedAt + index * day;
    return {
      id: project.id,
      object: "organization.project",
      name: project.name,
      created_at,
      archived_at: project.isArchived ? created_at + 30 * day : null,
      status: project.isArchived ? "archived" : "active",
      residency: null,
    };
  });
  return listPage(
    query,
    items.filter((item) => withArchived || item.status === "active"),
    ["include_archived"],
  );
}

/** `GET /v1/organization/projects/{id}/api_keys`; 404 for a project of somebody else. */
export function projectKeys({ account, query, params }: AuthorizedCall): Answer {
  const project = projectsOf(account).find((one) => one.id === params["id"]);
  if (project === undefined) throw refused(404, `No project found with id '${params["id"]}'.`, { code: "not_found" });
  return listPage(query, project.keys.map(keyItem), []);
}

/** `GET /v1/organization/admin_api_keys`: the one key that is asking. */
export function adminKeys({ account, query }: AuthorizedCall): Answer {
  const item = {
    object: "organization.admin_api_key",
    id: `key_${hexId(16, "openai", account, "admin")}`,
    name: "Cost reports",
    redacted_value: `sk-admin-...${account.slice(-4)}`,
    created_at: firstCreatedAt,
    expires_at: null,
    last_used_at: null,
    owner: { type: "user", object: "organization.user", id: "user-owner", name: "Owner", role: "owner" },
  };
  const order = query.get("order");
  if (order !== null && order !== "asc" && order !== "desc") throw invalid("order", order, ["asc", "desc"]);
  return listPage(query, [item], ["order"]);
}

function keyItem(key: ApiKey, index: number): JsonObject & { id: string } {
  const created_at = firstCreatedAt + index * day;
  const owner = { id: key.ownerId, name: key.name, role: "member", created_at };
  return {
    object: "organization.project.api_key",
    id: key.id,
    name: key.name,
    redacted_value: `sk-...${key.id.slice(-4)}`,
    created_at,
    last_used_at: null,
    owner:
      key.ownerType === "user" ? { type: "user", user: owner } : { type: "service_account", service_account: owner },
  };
}

/** A list paged by `after` = the last id seen. */
function listPage(query: URLSearchParams, items: readonly (JsonObject & { id: string })[], extra: string[]): Answer {
  for (const name of query.keys()) {
    if (["limit", "after", ...extra].includes(name)) continue;
    throw refused(400, `Unknown parameter: '${name}'.`, { param: name, code: "unknown_parameter" });
  }
  const limit = readLimit(query, { usual: 20, most: 100 });
  const after = query.get("after");
  const seen = after === null ? -1 : items.findIndex((item) => item.id === after);
  if (after !== null && seen < 0)
    throw refused(400, `No such id: '${after}'.`, { param: "after", code: "invalid_value" });
  const data = items.slice(seen + 1, seen + 1 + limit);
  return {
    status: 200,
    headers: {},
    body: {
      object: "list",
      data,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: seen + 1 + limit < items.length,
    },
    fields: { main: "data.*.id", enumeration: "data.*.status" },
  };
}
