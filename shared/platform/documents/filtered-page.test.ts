import fc from "fast-check";
import { expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { configFile } from "../config-files.ts";
import { declareQueries } from "./declared-queries.ts";
import { filteredPage } from "./filtered-page.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";

const query = { collection: "deadLetters", orderBy: [{ field: "firstAt", direction: "desc" as const }] };

it("fills every page but the last, and shows everything wanted once, in its order", async () => {
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  const wantedOnes = fc.array(fc.boolean(), { maxLength: 40 });
  const sizes = { limit: fc.integer({ min: 1, max: 12 }), skip: fc.integer({ min: 0, max: 8 }) };

  await fc.assert(
    fc.asyncProperty(wantedOnes, fc.record(sizes), async (kinds, { limit, skip }) => {
      const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared });
      await documents.transaction(async (tx) => {
        for (const [at, isWanted] of kinds.entries())
          tx.create(`deadLetters/${at}`, { firstAt: String(2000 - at), isWanted });
      });
      const due = kinds.flatMap((isWanted, at) => (isWanted ? [`deadLetters/${at}`] : [])).slice(skip);

      const shown: string[][] = [];
      let cursor: string | undefined;
      do {
        const first = cursor === undefined ? { skip } : {};
        const page = await filteredPage<{ isWanted: boolean }>(
          { ...query, cursor },
          { isWanted: ({ body }) => body.isWanted, limit, ...first },
          documents,
        );
        shown.push(page.documents.map(({ path }) => path));
        cursor = page.next;
      } while (cursor !== undefined);
      await documents.close();

      expect(shown.flat()).toEqual(due);
      expect(shown.slice(0, -1).every(({ length }) => length === limit)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

it("ends where nothing wanted can follow, without reading on", async () => {
  const reads: number[] = [];
  const list = async ({ limit }: { limit: number }) => {
    reads.push(limit);
    const documents = Array.from({ length: limit }, (_, at) => ({ path: `deadLetters/${at}`, body: { at } }));
    return { documents, next: "more", readAt: new Date() } as never;
  };

  const page = await filteredPage<{ at: number }>(
    query,
    { isWanted: ({ body }) => body.at === 1, isLast: ({ body }) => body.at >= 2, limit: 3 },
    { list },
  );

  expect([page.documents.length, page.next, reads]).toEqual([1, undefined, [3]]);
});
