import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Caller } from "#shared/access/caller.ts";
import { acceptInvite } from "./invite-accept.ts";
import { cancelInvite, resendInvite } from "./invite-changes.ts";
import { declineInvite } from "./invite-decline.ts";
import { leaveOrganization, removeMember, updateRole } from "./member-changes.ts";
import { key, type MembersWorld, org, refusalOf, startMembers } from "./members.fixture.ts";
import { inviteOwner } from "./owner-invite.ts";
import { transferOwnership } from "./transfer.ts";

const verbs = ["invite", "accept", "cancel", "resend", "decline", "remove", "leave", "role", "transfer"] as const;
const person = fc.nat(2);
/** Who acts: the key, somebody of the three, or one of those who are members when it comes to it. */
const actor = fc.nat(100);

type Step =
  | { does: (typeof verbs)[number]; by: number; on: number; role: "admin" | "member" | "viewer" }
  | { does: "ownerInvite"; on: number; replace: boolean }
  | { does: "signIn"; on: number }
  | { does: "pass"; seconds: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      // Twice as often what brings people together, so that there is somebody to take apart.
      does: fc.constantFrom(...verbs, "invite" as const, "invite" as const, "accept" as const, "accept" as const),
      by: actor,
      on: person,
      role: fc.constantFrom("admin" as const, "member" as const, "viewer" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("ownerInvite" as const), on: person, replace: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("signIn" as const), on: person }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant("pass" as const), seconds: fc.integer({ min: 60, max: 900_000 }) }),
  },
);

const addressOf = (number: number): string => `p${number}@example.com`;

/** The last invite that each address was sent. */
type Sent = Map<number, { inviteId: string; token: string }>;

async function take(one: Step, world: MembersWorld, sent: Sent): Promise<unknown> {
  if (one.does === "pass") return world.clock.advance(one.seconds);
  const target = await world.person(addressOf(one.on));
  if (one.does === "signIn") return world.signIn(target);
  if (one.does === "ownerInvite") {
    const request = { email: addressOf(one.on), replace: one.replace };
    return inviteOwner({ slug: "acme", request }, world.effects(), world.ports);
  }
  const caller = await callerOf(one.by, world);
  const { inviteId, token } = sent.get(one.on) ?? { inviteId: "inv_none", token: "none" };
  const onMember = { org, caller, userId: target.userId };
  const receiver = one.by % 5 === 0 && caller.kind === "member" ? caller : target;
  switch (one.does) {
    case "invite":
      return sent.set(one.on, await world.invite(caller, addressOf(one.on), { role: one.role }));
    case "accept":
      return acceptInvite({ caller: receiver, reference: { token } }, world.effects(), world.ports);
    case "decline":
      return declineInvite({ caller: receiver, reference: { token } }, world.effects());
    case "cancel":
      return cancelInvite({ org, caller, inviteId }, world.effects());
    case "resend":
      await resendInvite({ org, caller, inviteId }, world.effects(), world.ports);
      return sent.set(one.on, { inviteId, token: (await world.mails()).at(-1)?.token ?? "" });
    case "remove":
      return removeMember(onMember, world.effects());
    case "leave":
      return leaveOrganization({ org, caller }, world.effects());
    case "role":
      return updateRole({ ...onMember, role: one.role }, world.effects());
    case "transfer": {
      const request = { to_user_id: target.userId, confirm_org_slug: org.slug };
      return transferOwnership({ org, caller, request }, world.effects(), world.ports);
    }
  }
}

async function callerOf(by: number, world: MembersWorld): Promise<Caller> {
  const emails = [...Object.keys(world.members()), ...Object.keys(world.members()), addressOf(by % 3)];
  const email = emails[by % (emails.length + 1)];
  return email === undefined ? key : world.as(await world.person(email));
}

async function expectInvariants(world: MembersWorld, limit: number): Promise<void> {
  const stored = [...world.documents.stored];
  const memberships = stored.filter(([path]) => path.startsWith("orgs/acme/members/")).map(([, body]) => body);
  const active = memberships.filter(({ status }) => status === "ACTIVE");
  const owners = active.filter(({ role }) => role === "owner").map(({ userId }) => userId);
  const onFile = world.documents.stored.get("orgs/acme")?.["ownerUserId"];
  const seats = await world.seats();
  expect(owners).toEqual(onFile === undefined ? [] : [onFile]);
  expect(seats.members).toBe(active.length);
  expect(seats.used).toBeLessThanOrEqual(limit);
  for (const membership of memberships)
    expect(world.documents.stored.get(`users/${membership["userId"]}/memberships/acme`)).toEqual(membership);
}

describe("any history of invites, acceptances, removals, roles, transfers and waiting", () => {
  it("keeps to the seats, has one owner from the first on, counts its members right and both sides of each alike", async () => {
    const reached = { owners: 0, members: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { minLength: 10, maxLength: 40, size: "max" }),
        async (isOwned, limit, history) => {
          const world = await startMembers(limit);
          const sent: Sent = new Map();

          if (isOwned) await world.owner(addressOf(0));
          let most = 0;
          for (const one of history) {
            const hadOwner = world.documents.stored.get("orgs/acme")?.["ownerUserId"] !== undefined;
            await refusalOf(take(one, world, sent));
            await expectInvariants(world, limit);
            if (hadOwner) expect(Object.values(world.members())).toContain("owner");
            most = Math.max(most, Object.keys(world.members()).length);
          }
          reached.owners += Object.values(world.members()).includes("owner") ? 1 : 0;
          reached.members += most > 1 ? 1 : 0;

          await world.documents.close();
        },
      ),
      { numRuns: 40 },
    );
    expect(Math.min(reached.owners, reached.members)).toBeGreaterThan(0);
  }, 120_000);
});
