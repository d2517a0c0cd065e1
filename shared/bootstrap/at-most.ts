/** Works through the items in their order, at most so many at once; one that fails does not stop the others. */
export async function workThrough<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Calls to the warehouse about tables and views that may be under way together. Source: organizations.md 2. */
export const tableCallsAtOnce = 5;
