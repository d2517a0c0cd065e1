const form = /^[A-Za-z0-9_]{3,50}$/;
/** The document store keeps such names for itself. */
const reservedByStore = /^__.*__$/;

/**
 * The key of an organization, its document id: the slug in lower case. Undefined for what can be no slug and must not
 * become part of a path. Source: `organizations.md` 1.
 */
export function orgKeyOf(slug: string): string | undefined {
  return form.test(slug) && !reservedByStore.test(slug) ? slug.toLowerCase() : undefined;
}
