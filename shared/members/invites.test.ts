import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newOneTimeToken } from "#shared/sessions/one-time-token.ts";
import { acceptInvite } from "./invite-accept.ts";
import { cancelInvite, resendInvite } from "./invite-changes.ts";
import { createInvite } from "./invite-create.ts";
import { declineInvite } from "./invite-decline.ts";
import { previewInvite } from "./invite-preview.ts";
import { removeMember } from "./member-changes.ts";
import { key, type MembersWorld, org, refusalOf, startMembers } from "./members.fixture.ts";
import { membersOf } from "./members-read.ts";

const daySeconds = 86_400;
const noSuchInvite = "inv_01ARZ3NDEKTSV4RRFFQ69G5FAV";

let world: MembersWorld;
beforeEach(async () => {
  world = await startMembers(3);
});
afterEach(() => world.documents.close());

const accept = (caller: Parameters<typeof acceptInvite>[0]["caller"], token: string) =>
  acceptInvite({ caller, reference: { token } }, world.effects("invite.accepted"), world.ports);
const create = (email: string, request = {}) =>
  createInvite({ org, caller: key, request: { email, ...request } }, world.effects("invite.created"), world.ports);
const resend = (inviteId: string, caller = key) =>
  resendInvite({ org, caller, inviteId }, world.effects("invite.resent"), world.ports);
const cancel = (inviteId: string, caller = key) =>
  cancelInvite({ org, caller, inviteId }, world.effects("invite.cancelled"));
const preview = (token: string) => previewInvite({ token }, world.documents);

describe("an invite", () => {
  it("holds a seat for 7 days, is mailed with its token, and keeps no trace of that token", async () => {
    const { status, body } = await create(" Ada@Example.com ", { role: "read_only", message: "welcome" });

    expect(status).toBe(201);
    expect(body).toMatchObject({
      email: "Ada@Example.com",
      role: "viewer",
      status: "PENDING",
      expires_at: "2026-08-17T12:00:00.000Z",
      invited_by: "key_1",
    });
    expect(await world.seats()).toEqual({ used: 1, held: 1, members: 0 });
    const [mail] = await world.mails();
    expect(mail).toMatchObject({
      name: "invite",
      to: "Ada@Example.com",
      values: { company: "Acme Inc.", inviter: "Acme Inc.", role: "viewer", message: "welcome" },
    });
    expect(mail?.values["expires"]).toBe("2026-08-17 12:00 UTC");
    expect(mail?.token).toMatch(/^invite_[0-9A-Za-z]{49}$/);
    expect(JSON.stringify([...world.documents.stored])).not.toContain(mail?.token ?? "none");
  });

  it("becomes a membership of whoever proves the address, in any case of it, and the hold its seat", async () => {
    const { token, inviteId } = await world.invite(key, "Ada@Example.com", { role: "member" });
    const ada = await world.person("ada@example.COM");

    const answer = await accept(ada, token);

    expect(answer).toEqual({
      org_slug: "Acme",
      company_name: "Acme Inc.",
      role: "member",
      status: "ACCEPTED",
      accepted_at: "2026-08-10T12:00:00.000Z",
    });
    expect(world.members()).toEqual({ "ada@example.COM": "member" });
    const twin = world.documents.stored.get(`users/${ada.userId}/memberships/acme`);
    expect(twin).toEqual(world.documents.stored.get(`orgs/acme/members/${ada.userId}`));
    expect(await world.seats()).toEqual({ used: 1, held: 0, members: 1 });
    expect(world.inviteOf(inviteId)).toMatchObject({ status: "ACCEPTED", userId: ada.userId });
  });

  it("is accepted once: again by the same person is the same answer without effect, by another none at all", async () => {
    const { token, inviteId } = await world.invite(key, "ada@example.com");
    const [ada, bob] = [await world.person("ada@example.com"), await world.person("bob@example.com")];
    const first = await accept(ada, token);
    world.clock.advance(60);

    const again = [
      await accept(ada, token),
      await acceptInvite({ caller: ada, reference: { invite_id: inviteId } }, world.effects(), world.ports),
    ];

    expect(again).toEqual([first, first]);
    expect(await world.seats()).toEqual({ used: 1, held: 0, members: 1 });
    expect(world.audit().filter(({ action }) => action === "invite.accepted")).toHaveLength(1);
    expect(await refusalOf(accept(bob, token))).toBe("INVITE_NOT_FOUND");
  });

  it("of another address is refused and stays open, by token; by id it is not even found", async () => {
    const { token, inviteId } = await world.invite(key, "ada@example.com");
    const bob = await world.person("bob@example.com");
    const byId = { caller: bob, reference: { invite_id: inviteId } };

    expect(await refusalOf(accept(bob, token))).toBe("INVITE_OTHER_PERSON");
    expect(await refusalOf(declineInvite({ caller: bob, reference: { token } }, world.effects()))).toBe(
      "INVITE_OTHER_PERSON",
    );
    expect(await refusalOf(acceptInvite(byId, world.effects(), world.ports))).toBe("INVITE_NOT_FOUND");
    expect(world.members()).toEqual({});
    expect(await world.seats()).toEqual({ used: 1, held: 1, members: 0 });
  });

  it("is over at its instant: accepting is 409, its seat is free, and nothing had to run for that", async () => {
    const { token } = await world.invite(key, "ada@example.com");
    const ada = await world.person("ada@example.com");
    world.clock.advance(7 * daySeconds);

    expect(await refusalOf(accept(ada, token))).toBe("INVITE_EXPIRED");
    expect(await world.seats()).toEqual({ used: 0, held: 0, members: 0 });
    const { invites } = await membersOf(org, { limit: 50 }, world.documents);
    expect(invites).toMatchObject([{ email: "ada@example.com", status: "EXPIRED" }]);
  });

  it("is accepted to the last millisecond", async () => {
    const { token } = await world.invite(key, "ada@example.com");
    world.clock.advance(7 * daySeconds - 0.001);

    await accept(await world.person("ada@example.com"), token);

    expect(await world.seats()).toEqual({ used: 1, held: 0, members: 1 });
  });

  it("is refused to who is a member, to who has one open, and beyond the seats, writing nothing", async () => {
    await world.joined(key, "ada@example.com");
    await world.invite(key, "bob@example.com");
    const commits = world.documents.commits();

    expect(await refusalOf(create("ADA@example.com"))).toBe("ALREADY_MEMBER");
    expect(await refusalOf(create("Bob@example.com"))).toBe("INVITE_PENDING");
    await world.setSeats(2);
    expect(await refusalOf(create("eve@example.com"))).toBe("PLAN_LIMIT_REACHED");
    expect(world.documents.commits()).toBe(commits + 1);
    expect(await refusalOf(create("no address"))).toBe("INVALID_BODY");
  });

  it("is not made while the subscription does not run, and may still be accepted then", async () => {
    const { token } = await world.invite(key, "ada@example.com");
    await world.setSeats(3, "SUSPENDED");

    expect(await refusalOf(create("bob@example.com"))).toBe("SUBSCRIPTION_INACTIVE");
    await accept(await world.person("ada@example.com"), token);

    expect(world.members()).toEqual({ "ada@example.com": "member" });
  });

  it("as admin is the owner's to make, to send again and to cancel, not an admin's or a key's", async () => {
    const owner = await world.owner();
    await world.setSeats(5);
    const admin = await world.joined(await world.as(owner), "admin@example.com", "admin");
    const asAdmin = await world.as(admin);
    const { inviteId } = await world.invite(await world.as(owner), "second@example.com", { role: "admin" });

    for (const caller of [asAdmin, key]) {
      const request = { email: "third@example.com", role: "admin" as const };
      expect(await refusalOf(createInvite({ org, caller, request }, world.effects(), world.ports))).toBe(
        "ROLE_EXCEEDED",
      );
      expect(await refusalOf(resend(inviteId, caller))).toBe("ROLE_EXCEEDED");
      expect(await refusalOf(cancel(inviteId, caller))).toBe("ROLE_EXCEEDED");
    }
  });

  it("is not made with a role that was taken away since the request was let in", async () => {
    const owner = await world.owner();
    const admin = await world.joined(await world.as(owner), "admin@example.com", "admin");
    const asBefore = await world.as(admin);
    await removeMember({ org, caller: await world.as(owner), userId: admin.userId }, world.effects());

    const request = { email: "third@example.com" };
    const late = createInvite({ org, caller: asBefore, request }, world.effects(), world.ports);

    expect(await refusalOf(late)).toBe("FORBIDDEN");
  });
});

describe("sending an invite again", () => {
  it("kills the old token, gives 7 days from now and keeps the one seat", async () => {
    await world.setSeats(1);
    const { inviteId, token: old } = await world.invite(key, "ada@example.com");
    world.clock.advance(6 * daySeconds);

    const answer = await resend(inviteId);

    const fresh = (await world.mails()).at(-1)?.token ?? "";
    expect(answer).toMatchObject({ invite_id: inviteId, status: "PENDING", expires_at: "2026-08-23T12:00:00.000Z" });
    expect(await world.seats()).toEqual({ used: 1, held: 1, members: 0 });
    const ada = await world.person("ada@example.com");
    expect(await refusalOf(accept(ada, old))).toBe("INVITE_NOT_FOUND");
    expect(await refusalOf(preview(old))).toBe("INVITE_NOT_FOUND");
    expect((await accept(ada, fresh)).status).toBe("ACCEPTED");
  });

  it("takes a free seat anew when the time was over, else it is refused", async () => {
    await world.setSeats(1);
    const { inviteId } = await world.invite(key, "ada@example.com");
    world.clock.advance(8 * daySeconds);
    const other = await world.invite(key, "bob@example.com");

    expect(await refusalOf(resend(inviteId))).toBe("PLAN_LIMIT_REACHED");
    await cancel(other.inviteId);
    await resend(inviteId);

    expect(await world.seats()).toEqual({ used: 1, held: 1, members: 0 });
  });

  it("makes no second open invite for one address, and finds none that has ended or never was", async () => {
    const { inviteId } = await world.invite(key, "ada@example.com");
    world.clock.advance(8 * daySeconds);
    const { inviteId: second } = await world.invite(key, "ada@example.com");

    expect(await refusalOf(resend(inviteId))).toBe("INVITE_PENDING");
    await cancel(second);
    for (const id of [second, noSuchInvite, "../../users", "constructor"])
      expect(await refusalOf(resend(id))).toBe("INVITE_NOT_FOUND");
  });
});

describe("cancelling and declining", () => {
  it("free the seat and end the token", async () => {
    const cancelled = await world.invite(key, "ada@example.com");
    const declined = await world.invite(key, "bob@example.com");
    const [ada, bob] = [await world.person("ada@example.com"), await world.person("bob@example.com")];

    await cancel(cancelled.inviteId);
    const decline = () =>
      declineInvite({ caller: bob, reference: { token: declined.token } }, world.effects("invite.declined"));
    const answers = [await decline(), await decline()];

    expect(answers).toEqual([
      { org_slug: "Acme", status: "DECLINED" },
      { org_slug: "Acme", status: "DECLINED" },
    ]);
    expect(await world.seats()).toEqual({ used: 0, held: 0, members: 0 });
    expect(await refusalOf(accept(ada, cancelled.token))).toBe("INVITE_NOT_FOUND");
    expect(await refusalOf(accept(bob, declined.token))).toBe("INVITE_NOT_FOUND");
    expect(await refusalOf(cancel(cancelled.inviteId))).toBe("INVITE_NOT_FOUND");
    expect(world.audit().map(({ action }) => action)).toEqual(
      expect.arrayContaining(["invite.created", "invite.created", "invite.cancelled", "invite.declined"]),
    );
    expect(world.audit()).toHaveLength(4);
  });

  it("keep an ended invite 90 days", async () => {
    const { inviteId } = await world.invite(key, "ada@example.com");

    await cancel(inviteId);

    expect(world.inviteOf(inviteId).expireAt).toBe("2026-11-08T12:00:00.000Z");
  });
});

describe("an invite's token", () => {
  it("shows a stranger the company, the role and a masked address, and spends nothing", async () => {
    const { token } = await world.invite(key, "ada@example.com", { role: "viewer" });

    const seen = [await preview(token), await preview(token)];

    const expected = {
      company_name: "Acme Inc.",
      role: "viewer",
      email: "a***@example.com",
      expires_at: "2026-08-17T12:00:00.000Z",
    };
    expect(seen).toEqual([expected, expected]);
  });

  it.each<[string, (token: string, inviteId: string) => Promise<unknown>]>([
    ["used", async (token) => accept(await world.person("ada@example.com"), token)],
    ["cancelled", async (_, inviteId) => cancel(inviteId)],
    ["over", async () => world.clock.advance(7 * daySeconds)],
    ["of an organization that is gone", async () => deleteOrganization()],
  ])("that is %s answers as one that never was", async (_, ends) => {
    const { token, inviteId } = await world.invite(key, "ada@example.com");
    const unknown = newOneTimeToken("invite").token;
    await ends(token, inviteId);

    expect(await refusalOf(preview(token))).toBe("INVITE_NOT_FOUND");
    expect(await refusalOf(preview(unknown))).toBe("INVITE_NOT_FOUND");
  });

  it("is named alone or not at all", async () => {
    const ada = await world.person("ada@example.com");

    for (const reference of [{}, { token: "x", invite_id: noSuchInvite }])
      expect(await refusalOf(acceptInvite({ caller: ada, reference }, world.effects(), world.ports))).toBe(
        "INVALID_BODY",
      );
  });

  async function deleteOrganization(): Promise<void> {
    await world.documents.transaction(async (tx) => {
      const { body } = await tx.get<{ state: string }>("orgs/acme");
      tx.set("orgs/acme", { ...body, state: "DELETED" });
    });
  }
});
