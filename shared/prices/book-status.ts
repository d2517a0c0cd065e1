import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments, everyPage, type WholeQuery } from "#shared/platform/documents/pages.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import type { BookState } from "./org-prices.ts";
import type { ProposalDocument } from "./proposals.ts";
import { type BookPorts, currentRelease, readRelease } from "./releases.ts";
import { shippedPrices } from "./shipped-prices.ts";

export const BookStatus = strictObject({
  release: Type.Integer(),
  released_at: Type.String(),
  hash: Type.String({ description: "Of the shipped files" }),
  rows: Type.Array(strictObject({ provider: Type.String(), flow: Type.String(), rows: Type.Integer() })),
  oldest_as_of: nullable(Type.String()),
  pinned_orgs: Type.Integer(),
  open_proposals: Type.Integer(),
  refused: Type.Array(strictObject({ row: Type.String(), problem: Type.String() })),
});
export type BookStatus = Static<typeof BookStatus>;

const pageSize = 500;

/** What the platform's book holds, and who does not follow its newest release. */
export async function bookStatus(ports: BookPorts): Promise<BookStatus> {
  const shipped = await shippedPrices();
  const current = await currentRelease(ports);
  const { prices } = await readRelease(current.release, ports.documents);
  const counts = new Map<string, { provider: string; flow: string; rows: number }>();
  for (const { provider, flow } of prices) {
    const count = counts.get(`${provider} ${flow}`) ?? { provider, flow, rows: 0 };
    count.rows += 1;
    counts.set(`${provider} ${flow}`, count);
  }
  return {
    release: current.release,
    released_at: current.releasedAt,
    hash: shipped.hash,
    rows: [...counts.values()],
    oldest_as_of: prices.flatMap(({ asOf }) => asOf ?? []).sort()[0] ?? null,
    pinned_orgs: await pinnedOrganizations(ports.documents),
    open_proposals: await openProposals(ports.documents),
    refused: [...shipped.refused],
  };
}

async function pinnedOrganizations(documents: Documents): Promise<number> {
  let pinned = 0;
  const active: WholeQuery = {
    collection: "orgs",
    filters: [{ field: "state", is: "==", value: "ACTIVE" }],
    orderBy: [{ field: "slug", direction: "asc" }],
    limit: pageSize,
  };
  for await (const page of everyPage(active, documents)) {
    const states = await documents.getAll<BookState>(page.documents.map(({ path }) => `${path}/priceBook/state`));
    pinned += states.filter(({ body }) => body?.releasePolicy === "pinned").length;
  }
  return pinned;
}

async function openProposals(documents: Documents): Promise<number> {
  const open: WholeQuery = {
    collection: "priceProposals",
    filters: [{ field: "state", is: "==", value: "OPEN" }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
  };
  return (await allDocuments<ProposalDocument>(open, documents)).length;
}
