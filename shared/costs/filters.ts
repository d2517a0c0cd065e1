/** The four categories; they are disjoint and together all money. Source: costs.md 2. */
export const categories = ["cloud", "llm", "saas", "other"] as const;

export type Category = (typeof categories)[number];

/** Category names as requests may spell them; the older ones mean the same. */
export const categoryWords = [...categories, "genai", "subscription", "subscriptions"] as const;

export const chargeCategories = ["Usage", "Purchase", "Tax", "Credit", "Adjustment"] as const;

const olderCategories: Readonly<Record<string, Category>> = {
  genai: "llm",
  subscription: "saas",
  subscriptions: "saas",
};

/** The filters of a request as understood: OR within a list, AND between lists, an absent list takes everything. */
export interface CostFilters {
  providers?: string[];
  categories?: string[];
  services?: string[];
  charge_categories?: string[];
}

/** The same as an answer shows them. */
export interface ShownFilters extends CostFilters {
  /** Entities that were named, by whichever parameter. */
  hierarchy_entity_id?: string[];
}

export type FilterName = keyof CostFilters;

export const filterNames = ["providers", "categories", "services", "charge_categories"] as const satisfies FilterName[];

/** Lists as a request gives them. */
export type FilterRequest = { [Name in FilterName]?: string[] | undefined };

/**
 * Filters in canonical form: NFC, no value twice, sorted, older category names replaced, providers as ids.
 * `providerId` answers the id of an id, alias or display name. An empty list counts as absent. Source: costs.md 3.
 */
export function filtersOf(request: FilterRequest, providerId: (name: string) => string): CostFilters {
  const canonical: Record<FilterName, (value: string) => string> = {
    providers: providerId,
    categories: (value) => olderCategories[value] ?? value,
    services: (value) => value,
    charge_categories: (value) => value,
  };
  return fromLists((name) => (request[name] ?? []).map((value) => canonical[name](value.normalize("NFC"))));
}

/** The values of the filters that occur nowhere: no error, but the answer says so. */
export function unknownFilters(
  filters: CostFilters,
  occurs: (name: FilterName, value: string) => boolean,
): CostFilters {
  return fromLists((name) => (filters[name] ?? []).filter((value) => !occurs(name, value)));
}

function fromLists(listOf: (name: FilterName) => string[]): CostFilters {
  return Object.fromEntries(
    filterNames
      .map((name) => [name, [...new Set(listOf(name))].sort()] as const)
      .filter(([, values]) => values.length > 0),
  );
}
