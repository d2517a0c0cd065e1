import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, paging, plainText, strictObject } from "#shared/runtime/schema.ts";
import { keyText, type PriceVersion } from "./price.ts";
import { type CurrentRelease, currentReleasePath, releaseIn, writeRelease } from "./releases.ts";

/** Document `priceProposals/{id}`: a row of a load that waits for a decision. */
export interface ProposalDocument {
  proposalId: string;
  state: "OPEN" | "APPROVED" | "REJECTED";
  price: PriceVersion;
  /** Why it was loaded. */
  reason: string;
  decidedAt: string | null;
  decision: string | null;
}

export const ProposalsQuery = strictObject({
  status: choice(["OPEN", "APPROVED", "REJECTED"], { default: "OPEN" }),
  ...paging(),
});
export type ProposalsQuery = Static<typeof ProposalsQuery>;

const Proposal = strictObject({
  proposal_id: Type.String(),
  status: Type.String(),
  provider: Type.String(),
  flow: Type.String(),
  model_id: Type.String(),
  region: Type.String(),
  effective_from: Type.String(),
  terms: Type.Record(Type.String(), Type.Unknown()),
  reason: Type.String(),
  decision: nullable(Type.String()),
  decided_at: nullable(Type.String()),
});

export const ProposalList = strictObject({
  proposals: Type.Array(Proposal),
  count: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type ProposalList = Static<typeof ProposalList>;

/** Proposals of a state, newest first. */
export async function listProposals(query: ProposalsQuery, documents: Documents): Promise<ProposalList> {
  const page = await documents.list<ProposalDocument>({
    collection: "priceProposals",
    filters: [{ field: "state", is: "==", value: query.status }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: query.limit,
    cursor: query.cursor,
  });
  const proposals = page.documents.map(({ body }) => proposalRow(body));
  return { proposals, count: proposals.length, next_cursor: page.next ?? null };
}

export const DecisionRequest = strictObject({
  decision: Type.Optional(choice(["approve", "reject"])),
  reason: Type.Optional(plainText(3, 500)),
});
export type DecisionRequest = Static<typeof DecisionRequest>;

export const DecisionAnswer = strictObject({
  proposal_id: Type.String(),
  status: Type.String(),
  release: nullable(Type.Integer()),
});
export type DecisionAnswer = Static<typeof DecisionAnswer>;

/** Approves a proposal, which releases its row, or rejects it. Throws `PROPOSAL_NOT_FOUND`, `PROPOSAL_DECIDED`. */
export async function decideProposal(
  asked: { proposalId: string; request: DecisionRequest },
  effects: Effects<DecisionAnswer>,
): Promise<Answer<DecisionAnswer>> {
  if (!/^ppr_[0-9A-Z]{26}$/.test(asked.proposalId)) throw notFound();
  return effects.commit(async (change) => {
    const { body: proposal } = await change.get<ProposalDocument>(proposalPath(asked.proposalId));
    const stored = (await change.get<CurrentRelease>(currentReleasePath)).body;
    if (proposal === undefined || stored === undefined) throw notFound();
    const { decision, reason } = decisionOf(asked.request);
    const content = await releaseIn(stored.release, stored.providers, change);
    await effects.prepare(change);
    if (proposal.state !== "OPEN") throw new AppError("PROPOSAL_DECIDED", "This proposal has been decided already.");
    const now = change.now.toISOString();
    const isApproved = decision === "approve";
    const state = isApproved ? "APPROVED" : "REJECTED";
    change.set<ProposalDocument>(proposalPath(asked.proposalId), {
      ...proposal,
      state,
      decision: reason,
      decidedAt: now,
    });
    const place = placeText(proposal.price);
    const prices = [
      ...content.prices.filter((version) => placeText(version) !== place),
      { ...proposal.price, createdAt: now, createdBy: "root" },
    ];
    const released = isApproved
      ? writeRelease({ content: { ...content, prices }, stored, hash: null, by: "root", reason }, change)
      : undefined;
    const answer = { proposal_id: asked.proposalId, status: state, release: released?.release ?? null };
    effects.conclude(change, answer, {
      resourceId: asked.proposalId,
      details: { decision, reason, release: answer.release },
    });
    return answer;
  });
}

function decisionOf({ decision, reason }: DecisionRequest): { decision: "approve" | "reject"; reason: string } {
  if (decision !== undefined && reason !== undefined) return { decision, reason };
  const missing = Object.entries({ decision, reason }).filter(([, value]) => value === undefined);
  throw new AppError("INVALID_BODY", "decision and reason are required.", {
    fields: missing.map(([name]) => ({ path: `/${name}`, problem: "is required" })),
  });
}

function placeText(version: PriceVersion): string {
  return `${keyText(version)} ${version.effectiveFrom}`;
}

function proposalRow({
  proposalId,
  state,
  price,
  reason,
  decision,
  decidedAt,
}: ProposalDocument): ProposalList["proposals"][number] {
  return {
    proposal_id: proposalId,
    status: state,
    provider: price.provider,
    flow: price.flow,
    model_id: price.modelId,
    region: price.region,
    effective_from: price.effectiveFrom,
    terms: { ...price.terms },
    reason,
    decision,
    decided_at: decidedAt,
  };
}

export function proposalPath(id: string): string {
  return `priceProposals/${id}`;
}

function notFound(): AppError {
  return new AppError("PROPOSAL_NOT_FOUND", "There is no such proposal.");
}
