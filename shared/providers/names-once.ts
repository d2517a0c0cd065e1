import { isAppError } from "#shared/runtime/errors.ts";
import { allItems, type ItemListing, type Source } from "./page-walk.ts";
import type { ProviderHttp } from "./provider-http.ts";

export type NamesById = ReadonlyMap<string, string>;

// The client lives as long as the run, so all steps of a run share its look-ups.
const lookedUp = new WeakMap<ProviderHttp, Map<string, Promise<NamesById>>>();

/** Display names by id of one list, asked once per run. Throws what `allItems` throws; an item without a name is left out. */
export function namesOnce(source: Source, listing: ItemListing): Promise<NamesById> {
  const lists = lookedUp.get(source.http) ?? new Map<string, Promise<NamesById>>();
  lookedUp.set(source.http, lists);
  const known = lists.get(listing.path) ?? namesAt(source, listing);
  lists.set(listing.path, known);
  // An aborted look-up says nothing about the provider: it must not stay.
  known.catch((error: unknown) => {
    if (!isAppError(error)) lists.delete(listing.path);
  });
  return known;
}

async function namesAt(source: Source, listing: ItemListing): Promise<NamesById> {
  const items = await allItems(source, listing);
  return new Map(
    items.flatMap((item): [string, string][] => {
      const name = item.has("name") ? item.text("name") : null;
      return name === null ? [] : [[item.requiredText("id"), name]];
    }),
  );
}
