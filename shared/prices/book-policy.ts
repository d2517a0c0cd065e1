import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { flows } from "./price.ts";
import { bookVersion } from "./price-book.ts";
import { flowOf } from "./price-providers.ts";
import { changePrices, type WritePorts } from "./price-writer.ts";
import { currentRelease, readRelease } from "./releases.ts";

export const PolicyRequest = strictObject({
  release_policy: Type.Optional(choice(["latest", "pinned"])),
  release: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 999_999_999 }))),
});
export type PolicyRequest = Static<typeof PolicyRequest>;

export const PolicyAnswer = strictObject({
  org_slug: Type.String(),
  release_policy: choice(["latest", "pinned"]),
  release: Type.Integer(),
  newest_release: Type.Integer(),
  price_book_version: Type.String(),
});
export type PolicyAnswer = Static<typeof PolicyAnswer>;

interface OnBook {
  org: OrgIdentity;
  caller: Caller;
}

/** Whether new days follow the newest release or stay with one. Pinned without a number stays with the newest. */
export async function setPolicy(
  asked: OnBook & { request: PolicyRequest },
  effects: Effects<PolicyAnswer>,
  given: WritePorts,
): Promise<Answer<PolicyAnswer>> {
  const { release_policy: policy, release: pinned } = asked.request;
  if (policy === undefined)
    throw new AppError("INVALID_BODY", "release_policy is required.", {
      fields: [{ path: "/release_policy", problem: "is required" }],
    });
  const { release: newest } = await currentRelease(given);
  refuseRelease(policy, pinned, newest);
  const release = policy === "pinned" ? (pinned ?? newest) : null;
  return changePrices(asked, effects, given, (writer) => {
    const { state } = writer;
    const isSame = state.releasePolicy === policy && state.release === release;
    if (!isSame) writer.setPolicy({ releasePolicy: policy, release });
    const answer = {
      org_slug: writer.org.slug,
      release_policy: policy,
      release: release ?? newest,
      newest_release: newest,
      price_book_version: bookVersion(release ?? newest, state.orgVersion + (isSame ? 0 : 1)),
    };
    return { answer, details: { details: { release_policy: policy, release } } };
  });
}

function refuseRelease(policy: string, pinned: number | null | undefined, newest: number): void {
  const problem =
    pinned == null
      ? undefined
      : policy === "latest"
        ? "belongs to release_policy pinned"
        : pinned > newest
          ? `must be <= ${newest}`
          : undefined;
  if (problem === undefined) return;
  throw new AppError("INVALID_BODY", `release ${problem}.`, { fields: [{ path: "/release", problem }] });
}

export const SeedRequest = strictObject({ flow: Type.Optional(choice(flows)) });
export type SeedRequest = Static<typeof SeedRequest>;

export const SeedAnswer = strictObject({
  status: Type.String(),
  org_slug: Type.String(),
  release: Type.Integer(),
  flows_seeded: Type.Record(Type.String(), strictObject({ records_available: Type.Integer() })),
});
export type SeedAnswer = Static<typeof SeedAnswer>;

/** Moves the organization to the newest release; nothing is copied, since the platform's prices are read through. */
export async function seedDefaults(
  asked: OnBook & { flow: string | undefined },
  effects: Effects<SeedAnswer>,
  given: WritePorts,
): Promise<Answer<SeedAnswer>> {
  const chosen = asked.flow === undefined ? flows : [flowOf(asked.flow)];
  const { release: newest } = await currentRelease(given);
  const { prices } = await readRelease(newest, given.documents);
  const available = chosen.map((flow) => [
    flow,
    { records_available: prices.filter((price) => price.flow === flow).length },
  ]);
  return changePrices(asked, effects, given, (writer) => {
    const { release, releasePolicy } = writer.state;
    if (releasePolicy === "pinned" && release !== newest) writer.setPolicy({ releasePolicy, release: newest });
    const answer = {
      status: "success",
      org_slug: writer.org.slug,
      release: newest,
      flows_seeded: Object.fromEntries(available) as SeedAnswer["flows_seeded"],
    };
    return { answer, details: { details: { release: newest } } };
  });
}
