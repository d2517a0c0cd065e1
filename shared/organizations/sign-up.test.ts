import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { Caller } from "#shared/access/caller.ts";
import { type MembershipDocument, membershipPath, ownMembershipPath } from "#shared/access/roles.ts";
import type { HierarchyState } from "#shared/hierarchy/default-levels.ts";
import { type DeletionAnswer, deleteOrganization } from "#shared/offboarding/delete-organization.ts";
import { createPerson } from "#shared/people/person.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaReport } from "#shared/quotas/quota-report.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { OnboardingReport } from "./onboarding-report.ts";
import type { OrgDocument } from "./organization.ts";
import { adminCreate, type SignUpReport, type SignUpRequest, signUp } from "./sign-up.ts";

type Person = Extract<Caller, { kind: "person" }>;

let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
let ada: Person;
beforeEach(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
  ada = await person("Ada@Example.com");
});
afterEach(() => world.stop());

async function person(email: string): Promise<Person> {
  const userId = ports.ids.newId("usr");
  await ports.documents.transaction(async (tx) => createPerson({ userId, email, name: "Ada" }, tx));
  return {
    kind: "person",
    credentialId: "ses_1",
    sessionId: "ses_1",
    userId,
    email,
    signedInAt: "2026-08-10T11:00:00Z",
  };
}

function signedUp(
  caller: Caller,
  slug: string,
  fields: Partial<SignUpRequest> = {},
  by = ports,
): Promise<SignUpReport> {
  const request = { org_slug: slug, company_name: `${slug} Inc.`, ...fields };
  return signUp({ caller, request }, auditedEffects<SignUpReport>("organization.onboarded", by), by);
}

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

const mailsSent = () =>
  pathsBelow(documents, "outbox/")
    .map((path) => documents.stored.get(path))
    .filter((message) => message?.["topic"] === "mail")
    .map((message) => message?.["payload"]);
const bodyAt = <T>(path: string): T | undefined => documents.stored.get(path) as T | undefined;
const orgAt = (key: string) => bodyAt<OrgDocument>(`orgs/${key}`);

describe("a person who makes an organization", () => {
  it("owns it at once, takes its first seat, and is sent a welcome and no invite", async () => {
    const report = await signedUp(ada, "Own_Org", { default_currency: "EUR" });

    expect(report).toMatchObject({ org_slug: "Own_Org", admin_email: "Ada@Example.com", subscription_plan: "FREE" });
    expect(report).not.toHaveProperty("owner_invite");
    expect(orgAt("own_org")).toMatchObject({ state: "ACTIVE", ownerUserId: ada.userId });
    const membership = { userId: ada.userId, org: "own_org", role: "owner", status: "ACTIVE", name: "Ada" };
    expect(bodyAt<MembershipDocument>(membershipPath("own_org", ada.userId))).toMatchObject(membership);
    expect(bodyAt<MembershipDocument>(ownMembershipPath(ada.userId, "own_org"))).toMatchObject(membership);
    expect(pathsBelow(documents, "orgs/own_org/invites/")).toEqual([]);
    expect(mailsSent()).toMatchObject([
      { name: "welcome", to: "Ada@Example.com", values: { company: "Own_Org Inc." }, sealed_token: null },
    ]);
    const org = { slug: "Own_Org", key: "own_org", orgId: report.org_id };
    expect(await quotaReport(org, ports.documents)).toMatchObject({ seats_used: 1, seats_held: 0, seat_limit: 1 });
  });

  it("finds the default levels of the hierarchy, and its own when it comes back", async () => {
    await signedUp(ada, "Level_Org");

    const state = bodyAt<HierarchyState>("orgs/level_org/hierarchy/state");
    expect(
      state?.levels.map(({ level, levelCode, idPrefix, parentLevel, isLeaf }) => [
        level,
        levelCode,
        idPrefix,
        parentLevel,
        isLeaf,
      ]),
    ).toEqual([
      [1, "department", "DEPT-", null, false],
      [2, "project", "PROJ-", 1, false],
      [3, "team", "TEAM-", 2, true],
    ]);
    await ports.documents.transaction(async (tx) => {
      await tx.get("orgs/level_org/hierarchy/state");
      tx.set<HierarchyState>("orgs/level_org/hierarchy/state", { levels: [], counters: { team: 7 }, entityCount: 2 });
    });
    const asked = { slug: "Level_Org", caller: ada, request: { confirm_org_slug: "Level_Org" } };
    await deleteOrganization(asked, auditedEffects<DeletionAnswer>("organization.deleted", ports), ports);
    await signedUp(ada, "Level_Org");

    expect(bodyAt<HierarchyState>("orgs/level_org/hierarchy/state")?.counters).toEqual({ team: 7 });
  });

  it("begins the trial of PROFESSIONAL, and cannot choose what is sold", async () => {
    const trial = await signedUp(ada, "Trial_Org", { subscription_plan: "pro" });
    const sold = await refusal(signedUp(ada, "Sold_Org", { subscription_plan: "STARTER" }));

    expect(trial).toMatchObject({ subscription_plan: "PROFESSIONAL", status: "TRIAL" });
    expect(trial.trial_ends_at).toBe("2026-08-24T12:00:00.000Z");
    expect([sold.code, sold.fields[0]?.path]).toEqual(["INVALID_ONBOARDING", "/subscription_plan"]);
  });

  it("makes three in a UTC day, also when ten are asked for at once, and more the next day up to ten", async () => {
    const asked = Array.from({ length: 10 }, (_, at) => signedUp(ada, `Many_${at}`));

    const ended = await Promise.allSettled(asked);
    const made = ended.filter(({ status }) => status === "fulfilled").length;
    for (let day = 11; day <= 13; day++) {
      world.clock.set(`2026-08-${day}T00:00:00Z`);
      for (let at = 0; at < 3; at++) await signedUp(ada, `Day_${day}_${at}`).catch(() => undefined);
    }
    world.clock.set("2026-08-20T00:00:00Z");
    const eleventh = await refusal(signedUp(ada, "Eleventh"));

    const own = pathsBelow(documents, `users/${ada.userId}/memberships/`);
    expect([made, own.length]).toEqual([3, 10]);
    expect(eleventh).toMatchObject({ code: "PLAN_LIMIT_REACHED", extra: { quota: "organizations" } });
    expect(orgAt("eleventh")).toBeUndefined();
  });

  it("brings their own deleted organization back, owner still, without a second trial", async () => {
    const first = await signedUp(ada, "Back_Org", { subscription_plan: "PRO" });
    const effects = auditedEffects<DeletionAnswer>("organization.deleted", ports);
    const asked = { slug: "Back_Org", caller: ada, request: { confirm_org_slug: "Back_Org" } };
    await deleteOrganization(asked, effects, ports);

    const stranger = await refusal(signedUp(await person("eve@example.com"), "back_org"));
    const second = await signedUp(ada, "back_org", { subscription_plan: "PRO" });

    expect(stranger.code).toBe("ORG_SLUG_RETIRED");
    expect(second).toMatchObject({ org_id: first.org_id, subscription_plan: "FREE", status: "ACTIVE" });
    expect(orgAt("back_org")?.ownerUserId).toBe(ada.userId);
    expect(bodyAt<QuotaDocument>("orgs/back_org/quota/current")?.members).toBe(1);
  });

  it.each([
    ["embedded", undefined, undefined],
    ["embedded", "false", "SIGNUP_CLOSED"],
    ["gcp", undefined, "SIGNUP_CLOSED"],
    ["gcp", "true", undefined],
  ] as const)("on %s with SELF_SIGNUP %s gets %s", async (PLATFORM, SELF_SIGNUP, code) => {
    const config = { ...ports.config, PLATFORM, ...(SELF_SIGNUP === undefined ? {} : { SELF_SIGNUP }) };
    const by = { ...ports, config };

    const made = signedUp(ada, "Signup_Org", {}, by);

    if (code === undefined) expect(await made).toMatchObject({ org_slug: "Signup_Org" });
    else expect((await refusal(made)).code).toBe(code);
  });

  it("is a person: no key and no root key makes one this way", async () => {
    expect((await refusal(signedUp({ kind: "root", credentialId: "root" }, "Root_Org"))).code).toBe("FORBIDDEN");
  });
});

describe("an older operator's tool", () => {
  it("makes an organization on FREE without anybody to invite, named by its description or its slug", async () => {
    const create = (request: Parameters<typeof adminCreate>[0]): Promise<OnboardingReport> =>
      adminCreate(request, auditedEffects<OnboardingReport>("organization.onboarded", ports), ports);

    const plain = await create({ org_slug: "Plain_Org" });
    const named = await create({ org_slug: "Named_Org", description: "Named Ltd", admin_email: "boss@example.com" });

    expect(plain).toMatchObject({ company_name: "Plain_Org", admin_email: "", subscription_plan: "FREE" });
    expect(plain).not.toHaveProperty("owner_invite");
    expect(named).toMatchObject({ company_name: "Named Ltd", owner_invite: { email: "boss@example.com" } });
    expect(pathsBelow(documents, "orgs/plain_org/invites/")).toEqual([]);
  });
});
