/** The items in their order, in pieces whose JSON text stays below so many bytes; an item that is larger stands alone. */
export function packed<T>(items: readonly T[], maximumBytes: number): T[][] {
  const pieces: T[][] = [];
  let bytes = maximumBytes;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes + size > maximumBytes) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)?.push(item);
    bytes += size;
  }
  return pieces;
}
