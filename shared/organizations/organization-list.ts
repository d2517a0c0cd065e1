import { type Static, Type } from "@sinclair/typebox";
import { planNamed, planNames, plans } from "#shared/plans/plans.ts";
import {
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
  subscriptionStatuses,
} from "#shared/plans/subscription.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { everyPage, type WholeQuery } from "#shared/platform/documents/pages.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { nullableInstant, type OrgDocument, type OrgState, orgStates } from "./organization.ts";

const optional = Type.Optional;

export const OrganizationListQuery = strictObject({
  status: optional(choice(orgStates)),
  plan: optional(plainText(1, 50)),
  page: optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  page_size: optional(Type.Integer({ minimum: 1, maximum: 100 })),
  cursor: optional(plainText(1, 200)),
});
export type OrganizationListQuery = Static<typeof OrganizationListQuery>;

const Item = strictObject({
  org_slug: Type.String(),
  company_name: Type.String(),
  admin_email: Type.String(),
  subscription_plan: choice(planNames),
  subscription_status: choice(subscriptionStatuses),
  status: choice(orgStates),
  default_currency: Type.String(),
  default_timezone: Type.String(),
  created_at: nullableInstant,
});
type Item = Static<typeof Item>;

export const OrganizationList = strictObject({
  organizations: Type.Array(Item),
  total: Type.Integer(),
  page: Type.Integer(),
  page_size: Type.Integer(),
  has_next: Type.Boolean(),
  next_cursor: nullable(Type.String()),
});
export type OrganizationList = Static<typeof OrganizationList>;

/**
 * All organizations by slug, those that are still being made only on request. A plan is compared as it is in force, which
 * time alone changes, so the whole list is read for it; this is the operator's own endpoint.
 */
export async function listOrganizations(
  query: OrganizationListQuery,
  { documents }: { documents: Documents },
): Promise<OrganizationList> {
  const plan = query.plan === undefined ? undefined : planNamed(query.plan, await plans());
  if (query.plan !== undefined && plan === undefined)
    throw invalidParameter("/plan", `must be one of ${planNames.join(", ")}`);
  const matching: Item[] = [];
  for await (const items of pagesOf(query.status, documents))
    matching.push(...items.filter((item) => plan === undefined || item.subscription_plan === plan));
  const size = query.page_size ?? 50;
  const page = query.page ?? 1;
  const start = query.cursor === undefined ? (page - 1) * size : firstBehind(slugOf(query.cursor), matching);
  const organizations = matching.slice(start, start + size);
  const last = organizations.at(-1);
  const has_next = start + size < matching.length;
  const next_cursor = has_next && last !== undefined ? Buffer.from(last.org_slug).toString("base64url") : null;
  return { organizations, total: matching.length, page, page_size: size, has_next, next_cursor };
}

function firstBehind(slug: string, items: readonly Item[]): number {
  const at = items.findIndex((item) => item.org_slug > slug);
  return at === -1 ? items.length : at;
}

function slugOf(cursor: string): string {
  const slug = Buffer.from(cursor, "base64url").toString();
  if (/^[A-Za-z0-9_]{3,50}$/.test(slug)) return slug;
  throw new AppError("CURSOR_INVALID", "The cursor is not one of this list.", {
    fields: [{ path: "/cursor", problem: "is not a cursor of this list" }],
  });
}

async function* pagesOf(status: OrgState | undefined, documents: Documents): AsyncGenerator<Item[]> {
  const query: WholeQuery = {
    collection: "orgs",
    filters: status === undefined ? [] : [{ field: "state", is: "==", value: status }],
    orderBy: [{ field: "slug", direction: "asc" }],
    limit: 200,
  };
  for await (const page of everyPage<OrgDocument>(query, documents)) {
    const shown = page.documents.filter(({ body }) => status !== undefined || body.state !== "PROVISIONING");
    yield await itemsOf(shown, documents);
  }
}

async function itemsOf(
  found: readonly (Snapshot<OrgDocument> & { body: OrgDocument })[],
  documents: Documents,
): Promise<Item[]> {
  if (found.length === 0) return [];
  const catalogue = await plans();
  const paths = found.map(({ body }) => subscriptionPath({ key: body.slug.toLowerCase() }));
  const subscriptions = await documents.getAll<SubscriptionDocument>(paths);
  return found.map(({ body, createdAt, readAt }, at) => {
    const subscription = effectiveSubscription(subscriptions[at]?.body, catalogue, readAt);
    return {
      org_slug: body.slug,
      company_name: body.companyName,
      admin_email: body.adminEmail,
      subscription_plan: subscription.plan,
      subscription_status: subscription.status,
      status: body.state,
      default_currency: body.locale.defaultCurrency,
      default_timezone: body.locale.defaultTimezone,
      created_at: createdAt ?? null,
    };
  });
}

function invalidParameter(path: string, problem: string): AppError {
  return new AppError("INVALID_PARAMETER", `A query parameter is not valid: ${path} ${problem}.`, {
    fields: [{ path, problem }],
  });
}
