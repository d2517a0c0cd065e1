import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emailPath } from "#shared/people/email.ts";
import { cancelInvite } from "./invite-changes.ts";
import type { ReceivedInvites } from "./invites-store.ts";
import { key, type MembersWorld, org, refusalOf, startMembers } from "./members.fixture.ts";
import { invitesOf, memberEmails, membersOf } from "./members-read.ts";

const daySeconds = 86_400;

let world: MembersWorld;
beforeEach(async () => {
  world = await startMembers(3);
});
afterEach(() => world.documents.close());

const cancel = (inviteId: string) => cancelInvite({ org, caller: key, inviteId }, world.effects("invite.cancelled"));

describe("lists", () => {
  it("show people in the order they joined, open invites and seats", async () => {
    await world.setSeats(5);
    const owner = await world.owner();
    world.clock.advance(1);
    await world.joined(await world.as(owner), "ada@example.com", "viewer");
    await world.invite(key, "bob@example.com");

    const list = await membersOf(org, { limit: 50 }, world.documents);
    const paged = await membersOf(org, { limit: 1 }, world.documents);

    expect(list.members.map(({ email, role }) => [email, role])).toEqual([
      ["owner@acme.example", "owner"],
      ["ada@example.com", "viewer"],
    ]);
    expect(list.invites.map(({ email }) => email)).toEqual(["bob@example.com"]);
    expect(list).toMatchObject({ seats: { used: 3, held: 1, limit: 5 }, next_cursor: null });
    expect(paged.members).toHaveLength(1);
    const rest = await membersOf(org, { limit: 1, cursor: paged.next_cursor ?? "" }, world.documents);
    expect(rest.members.map(({ email }) => email)).toEqual(["ada@example.com"]);
  });

  it("show invites by how they ended", async () => {
    const { inviteId } = await world.invite(key, "ada@example.com");
    await world.invite(key, "bob@example.com");
    await cancel(inviteId);

    const cancelled = await invitesOf(org, { status: "CANCELLED", limit: 50 }, world.documents);
    const pending = await invitesOf(org, { status: "PENDING", limit: 50 }, world.documents);

    expect(cancelled.invites.map(({ email }) => email)).toEqual(["ada@example.com"]);
    expect(pending.invites.map(({ email }) => email)).toEqual(["bob@example.com"]);
  });

  it("give the operator the addresses of one role or all", async () => {
    const owner = await world.owner();
    await world.joined(await world.as(owner), "ada@example.com", "viewer");

    expect(await memberEmails("ACME", undefined, world.documents)).toEqual({
      emails: ["ada@example.com", "owner@acme.example"],
    });
    expect(await memberEmails("acme", "viewer", world.documents)).toEqual({ emails: ["ada@example.com"] });
    expect(await refusalOf(memberEmails("nobody", undefined, world.documents))).toBe("ORG_NOT_FOUND");
    expect(await refusalOf(memberEmails("../x", undefined, world.documents))).toBe("ORG_NOT_FOUND");
  });

  it("forget what an address has received when its invites' documents are over", async () => {
    const { inviteId } = await world.invite(key, "ada@example.com");
    world.clock.advance(100 * daySeconds);

    const { inviteId: second } = await world.invite(key, "ada@example.com");

    const received = world.documents.stored.get(`${emailPath("ada@example.com")}/invites/received`);
    expect(Object.keys((received as unknown as ReceivedInvites).invites)).toEqual([second]);
    expect(inviteId).not.toBe(second);
  });
});

describe("the warning of seats", () => {
  it("is sent once per level and month, by what takes a seat", async () => {
    await world.setSeats(5);
    for (const name of ["a", "b", "c", "d"]) await world.invite(key, `${name}@example.com`);
    const { inviteId } = await world.invite(key, "e@example.com");
    await cancel(inviteId);
    await world.invite(key, "f@example.com");

    const warnings = world.messages("quota-warning");

    expect(warnings).toMatchObject([
      { org: "acme", limit: "seats", period: "2026-08", level: 80, used: 4, limit_value: 5, percent: 80 },
      { org: "acme", limit: "seats", period: "2026-08", level: 100, used: 5, limit_value: 5, percent: 100 },
    ]);
  });
});
