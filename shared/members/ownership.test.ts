import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "#shared/access/caller.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import { acceptInvite } from "./invite-accept.ts";
import { createInvite } from "./invite-create.ts";
import { leaveOrganization, removeMember, updateRole } from "./member-changes.ts";
import { key, type MembersWorld, org, refusalOf, startMembers } from "./members.fixture.ts";
import { inviteOwner, type OwnerInviteRequest } from "./owner-invite.ts";
import { ownerReminderTimer, remindOwner } from "./owner-reminder.ts";
import { transferOwnership } from "./transfer.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

let world: MembersWorld;
beforeEach(async () => {
  world = await startMembers(3);
});
afterEach(() => world.documents.close());

const invite = (request: OwnerInviteRequest) =>
  inviteOwner({ slug: "acme", request }, world.effects("invite.created"), world.ports);
const transfer = (caller: Caller, to: string, slug = "Acme") =>
  transferOwnership(
    { org, caller, request: { to_user_id: to, confirm_org_slug: slug } },
    world.effects("ownership.transferred"),
    world.ports,
  );
const remind = () =>
  takeDueTimers(
    { [ownerReminderTimer]: (timer, change) => remindOwner(timer, change, world.ports) },
    { ...world.ports, log: silent, commit: (body) => commitChange(body, world.ports) },
  );
const reminders = async () =>
  (await world.mails()).filter(({ name }) => name === "owner-invite-reminder").map(({ to }) => to);
const ownerOnFile = () => world.documents.stored.get("orgs/acme")?.["ownerUserId"];

describe("the owner's invite", () => {
  it("holds the first seat for ever, is mailed without a token and accepted by signing in with its address", async () => {
    const { status, body } = await invite({ email: "Boss@acme.example" });
    world.clock.advance(29 * 86_400);
    const held = await world.seats();
    const boss = await world.person("boss@acme.example");

    const accepted = await world.signIn(boss);

    expect([status, body.expires_at]).toEqual([201, "2026-09-09T12:00:00.000Z"]);
    expect(held).toEqual({ used: 1, held: 1, members: 0 });
    expect(accepted).toBe(true);
    expect(world.members()).toEqual({ "boss@acme.example": "owner" });
    expect(await world.seats()).toEqual({ used: 1, held: 0, members: 1 });
    expect(ownerOnFile()).toBe(boss.userId);
    expect(await world.mails()).toMatchObject([{ name: "owner-invite", to: "Boss@acme.example", token: undefined }]);
    expect(
      world
        .audit()
        .map(({ action }) => action)
        .sort(),
    ).toEqual(["invite.accepted", "invite.created"]);
  });

  it("is mailed once more after 7 days while nobody has accepted it, and no older one with it", async () => {
    await invite({ email: "first@acme.example" });
    await invite({ email: "boss@acme.example" });
    world.clock.advance(7 * 86_400 - 1);
    await remind();
    const early = await reminders();
    world.clock.advance(1);
    await Promise.all([remind(), remind()]);
    world.clock.advance(30 * 86_400);
    await remind();

    expect(early).toEqual([]);
    expect(await reminders()).toEqual(["boss@acme.example"]);
    expect([...world.documents.stored.keys()].filter((path) => path.startsWith("timers/"))).toEqual([]);
  });

  it("is not mailed again once it is accepted", async () => {
    await invite({ email: "boss@acme.example" });
    await world.signIn(await world.person("boss@acme.example"));
    world.clock.advance(8 * 86_400);

    await remind();

    expect(await reminders()).toEqual([]);
  });

  it("is accepted once, by its address alone, and an ordinary invite is not accepted by signing in", async () => {
    await invite({ email: "boss@acme.example" });
    await world.invite(key, "ada@example.com");

    expect(await world.signIn(await world.person("ada@example.com"))).toBe(false);
    const boss = await world.person("boss@acme.example");
    expect([await world.signIn(boss), await world.signIn(boss)]).toEqual([true, false]);
    expect(world.audit().filter(({ action }) => action === "invite.accepted")).toHaveLength(1);
  });

  it("is over after 30 days and keeps its seat until the operator sends another one", async () => {
    await invite({ email: "boss@acme.example" });
    world.clock.advance(30 * 86_400);

    expect(await world.signIn(await world.person("boss@acme.example"))).toBe(false);
    expect(await world.seats()).toMatchObject({ used: 1, held: 1 });
    await invite({ email: "other@acme.example" });

    expect(await world.seats()).toMatchObject({ used: 1, held: 1 });
    expect(await world.signIn(await world.person("boss@acme.example"))).toBe(false);
    expect(await world.signIn(await world.person("other@acme.example"))).toBe(true);
  });

  it("is no further seat for another address, also above a lowered limit", async () => {
    await invite({ email: "boss@acme.example" });
    await world.joined(key, "ada@example.com");
    await world.setSeats(1);

    await invite({ email: "other@acme.example" });

    expect(await world.seats()).toEqual({ used: 2, held: 1, members: 1 });
  });

  it("keeps nobody from signing in when there is no place for it any more", async () => {
    await world.setSeats(1);
    await invite({ email: "boss@acme.example" });
    const [[path, quota] = ["", {}]] = [...world.documents.stored].filter(([each]) => each.endsWith("quota/current"));
    await world.documents.transaction(async (tx) => {
      await tx.get(path);
      tx.set(path, { ...quota, holds: {}, members: 1 });
    });

    expect(await world.signIn(await world.person("boss@acme.example"))).toBe(false);
  });

  it("is refused while there is an owner, but with replace; accepted, the old owner is admin and told", async () => {
    const first = await world.owner("first@acme.example");

    expect(await refusalOf(invite({ email: "next@acme.example" }))).toBe("OWNER_REQUIRED");
    expect(await refusalOf(invite({ email: "first@acme.example", replace: true }))).toBe("ALREADY_MEMBER");
    await invite({ email: "next@acme.example", replace: true });
    expect(await world.seats()).toMatchObject({ used: 2, held: 1 });
    const next = await world.person("next@acme.example");
    await world.signIn(next);

    expect(world.members()).toEqual({ "first@acme.example": "admin", "next@acme.example": "owner" });
    expect(ownerOnFile()).toBe(next.userId);
    expect((await world.mails()).map(({ name, to }) => [name, to])).toEqual(
      expect.arrayContaining([
        ["ownership-given", "first@acme.example"],
        ["ownership-received", "next@acme.example"],
      ]),
    );
    expect(await world.signIn(first)).toBe(false);
  });

  it("of a member takes no seat and makes the member the owner", async () => {
    const first = await world.owner();
    const ada = await world.joined(await world.as(first), "ada@example.com", "viewer");
    await world.setSeats(2);

    await invite({ email: "ada@example.com", replace: true });
    await world.signIn(ada);

    expect(world.members()).toEqual({ "owner@acme.example": "admin", "ada@example.com": "owner" });
    expect(await world.seats()).toEqual({ used: 2, held: 0, members: 2 });
  });

  it("that waits is void once somebody else has become owner", async () => {
    await invite({ email: "late@acme.example" });
    const { inviteId } = world.documents.stored.get(
      [...world.documents.stored.keys()].find((path) => path.startsWith("orgs/acme/invites/")) ?? "",
    ) as { inviteId: string };
    const other = await world.joined(key, "ada@example.com");
    await world.documents.transaction(async (tx) => {
      const paths = [`orgs/acme/members/${other.userId}`, "orgs/acme"];
      const [member, organization] = await tx.getAll<object>(paths);
      tx.set(paths[0] ?? "", { ...member?.body, role: "owner" });
      tx.set(paths[1] ?? "", { ...organization?.body, ownerUserId: other.userId });
    });
    const late = await world.person("late@acme.example");

    expect(await world.signIn(late)).toBe(false);
    const accept = acceptInvite({ caller: late, reference: { invite_id: inviteId } }, world.effects(), world.ports);
    expect(await refusalOf(accept)).toBe("INVITE_NOT_FOUND");
    expect(Object.values(world.members()).filter((role) => role === "owner")).toHaveLength(1);
  });

  it("waits for the organization to cancel an ordinary invite of the address, and is for an organization that is there", async () => {
    await world.invite(key, "ada@example.com");

    expect(await refusalOf(invite({ email: "ada@example.com" }))).toBe("INVITE_PENDING");
    const elsewhere = inviteOwner({ slug: "no_such", request: { email: "a@b.c" } }, world.effects(), world.ports);
    expect(await refusalOf(elsewhere)).toBe("ORG_NOT_FOUND");
  });
});

describe("handing the ownership over", () => {
  it("changes both roles in one transaction and tells both", async () => {
    const owner = await world.owner();
    const ada = await world.joined(await world.as(owner), "ada@example.com");
    const commits = world.documents.commits();

    const answer = await transfer(await world.as(owner), ada.userId);

    expect(answer).toEqual({ org_slug: "Acme", owner_user_id: ada.userId, previous_owner_user_id: owner.userId });
    expect(world.members()).toEqual({ "owner@acme.example": "admin", "ada@example.com": "owner" });
    expect(ownerOnFile()).toBe(ada.userId);
    // The transaction, and the one that marks its mails as published.
    expect(world.documents.commits()).toBe(commits + 2);
    expect((await world.mails()).slice(-2)).toMatchObject([
      {
        name: "ownership-given",
        to: "owner@acme.example",
        values: { company: "Acme Inc.", person: "ada@example.com" },
      },
      { name: "ownership-received", to: "ada@example.com", values: { person: "owner@acme.example" } },
    ]);
    expect(world.audit().filter(({ action }) => action === "ownership.transferred")).toMatchObject([
      { resourceId: ada.userId, details: { owner: { old: owner.userId, new: ada.userId } } },
    ]);
  });

  it("needs a sign-in of the last 15 minutes", async () => {
    const owner = await world.owner();
    const ada = await world.joined(await world.as(owner), "ada@example.com");
    const signedIn = await world.as(owner);
    world.clock.advance(15 * 60 + 0.001);

    expect(await refusalOf(transfer(signedIn, ada.userId))).toBe("REAUTH_REQUIRED");
    world.clock.advance(-0.001);
    expect(await refusalOf(transfer(signedIn, ada.userId))).toBeUndefined();
  });

  it("needs the slug as it is stored, an active member, and somebody else", async () => {
    const owner = await world.owner();
    const asOwner = await world.as(owner);
    const ada = await world.joined(asOwner, "ada@example.com");
    const stranger = await world.person("stranger@example.com");

    expect(await refusalOf(transfer(asOwner, ada.userId, "acme"))).toBe("INVALID_BODY");
    expect(await refusalOf(transfer(asOwner, owner.userId))).toBe("OWNER_REQUIRED");
    for (const id of [stranger.userId, "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV", "../x"])
      expect(await refusalOf(transfer(asOwner, id))).toBe("MEMBER_NOT_FOUND");
    await removeMember({ org, caller: asOwner, userId: ada.userId }, world.effects());
    expect(await refusalOf(transfer(asOwner, ada.userId))).toBe("MEMBER_NOT_FOUND");
    expect(Object.values(world.members())).toEqual(["owner"]);
  });

  it("is no longer possible for who was the owner a moment ago, and never for a key", async () => {
    const owner = await world.owner();
    const asOwner = await world.as(owner);
    const ada = await world.joined(asOwner, "ada@example.com");
    const bob = await world.joined(asOwner, "bob@example.com");
    await transfer(asOwner, ada.userId);

    expect(await refusalOf(transfer(asOwner, bob.userId))).toBe("FORBIDDEN");
    expect(await refusalOf(transfer(key, bob.userId))).toBe("FORBIDDEN");
    expect(ownerOnFile()).toBe(ada.userId);
  });
});

describe("a membership", () => {
  it("gets another role, which counts at the next request, with old and new in the audit row", async () => {
    const owner = await world.owner();
    const ada = await world.joined(await world.as(owner), "ada@example.com");
    const asked = { org, caller: await world.as(owner), userId: ada.userId, role: "admin" as const };

    const answer = await updateRole(asked, world.effects("member.role_changed"));

    expect(answer).toMatchObject({ user_id: ada.userId, email: "ada@example.com", role: "admin" });
    expect(world.documents.stored.get(`users/${ada.userId}/memberships/acme`)).toMatchObject({ role: "admin" });
    expect(world.audit().filter(({ action }) => action === "member.role_changed")).toMatchObject([
      { resourceId: ada.userId, details: { role: { old: "member", new: "admin" } } },
    ]);
  });

  it("ends by removal and by leaving, frees its seat each time, and can begin again", async () => {
    const owner = await world.owner();
    const asOwner = await world.as(owner);
    const [ada, bob] = [await world.joined(asOwner, "ada@example.com"), await world.joined(asOwner, "bob@example.com")];

    const removed = await removeMember({ org, caller: asOwner, userId: ada.userId }, world.effects());
    const gone = await leaveOrganization({ org, caller: await world.as(bob) }, world.effects());

    expect([removed.status, gone.status]).toEqual(["REMOVED", "LEFT"]);
    expect(world.members()).toEqual({ "owner@acme.example": "owner" });
    expect(await world.seats()).toEqual({ used: 1, held: 0, members: 1 });
    const twice = removeMember({ org, caller: asOwner, userId: ada.userId }, world.effects());
    expect(await refusalOf(twice)).toBe("MEMBER_NOT_FOUND");
    await world.joined(asOwner, "ada@example.com", "viewer");
    expect(world.members()).toMatchObject({ "ada@example.com": "viewer" });
    expect(await world.seats()).toEqual({ used: 2, held: 0, members: 2 });
  });

  it("of the owner ends by nobody's hand, and a removed admin removes nobody any more", async () => {
    const owner = await world.owner();
    const asOwner = await world.as(owner);
    const admin = await world.joined(asOwner, "admin@example.com", "admin");
    const asAdmin = await world.as(admin);

    expect(await refusalOf(leaveOrganization({ org, caller: asOwner }, world.effects()))).toBe("OWNER_REQUIRED");
    for (const caller of [asOwner, asAdmin, key])
      expect(await refusalOf(removeMember({ org, caller, userId: owner.userId }, world.effects()))).toBe(
        "OWNER_REQUIRED",
      );
    const ada = await world.joined(asAdmin, "ada@example.com");
    await removeMember({ org, caller: asOwner, userId: admin.userId }, world.effects());
    expect(await refusalOf(removeMember({ org, caller: asAdmin, userId: ada.userId }, world.effects()))).toBe(
      "FORBIDDEN",
    );
  });

  it("counts with the role of this instant, not with the one a request was let in with", async () => {
    await world.setSeats(4);
    const owner = await world.owner();
    const asOwner = await world.as(owner);
    const admin = await world.joined(asOwner, "admin@example.com", "admin");
    const ada = await world.joined(asOwner, "ada@example.com");
    const asAdmin = await world.as(admin);
    const raise = (caller: Caller) => updateRole({ org, caller, userId: ada.userId, role: "admin" }, world.effects());
    await updateRole({ org, caller: asOwner, userId: admin.userId, role: "viewer" }, world.effects());

    expect(await refusalOf(removeMember({ org, caller: asAdmin, userId: ada.userId }, world.effects()))).toBe(
      "FORBIDDEN",
    );
    await updateRole({ org, caller: asOwner, userId: admin.userId, role: "admin" }, world.effects());
    await transfer(asOwner, admin.userId);
    expect(await refusalOf(raise(asOwner))).toBe("ROLE_EXCEEDED");
    expect(await refusalOf(raise(await world.as(admin)))).toBeUndefined();
  });

  it("is asked for by the person who invites under their own name", async () => {
    const owner = await world.owner();

    const request = { email: "ada@example.com" };
    await createInvite({ org, caller: await world.as(owner), request }, world.effects(), world.ports);

    expect((await world.mails()).at(-1)?.values["inviter"]).toBe("owner@acme.example");
  });
});
