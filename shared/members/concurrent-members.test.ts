import { randomBytes } from "node:crypto";
import { afterAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Caller } from "#shared/access/caller.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { acceptInvite } from "./invite-accept.ts";
import { createInvite } from "./invite-create.ts";
import { removeMember } from "./member-changes.ts";
import { key, type MembersWorld, org, startMembers } from "./members.fixture.ts";
import { transferOwnership } from "./transfer.ts";

const emulator = inject("firestoreEmulator") ?? "";
const stores = [
  { name: "SQLite", isThere: true },
  { name: "Firestore", isThere: emulator !== "" },
];

describe.each(stores)("at once, on $name", ({ name, isThere }) => {
  let world: MembersWorld;
  const opened: MembersWorld[] = [];
  beforeEach(async () => {
    if (!isThere) return;
    process.env["FIRESTORE_EMULATOR_HOST"] = emulator;
    process.env["METADATA_SERVER_DETECTION"] = "none";
    const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
    const firestore = () => firestoreDocuments({ projectId: `p-${randomBytes(6).toString("hex")}`, declared });
    world = await startMembers(3, name === "Firestore" ? firestore : undefined);
    opened.push(world);
  });
  afterAll(() => Promise.all(opened.map(({ documents }) => documents.close())));

  /** Repeats what lost against the others: the store's contention is not what is asked here. */
  async function outcome(work: () => Promise<unknown>): Promise<string> {
    for (;;) {
      try {
        await work();
        return "done";
      } catch (error) {
        if (!isAppError(error)) throw error;
        if (error.code !== "DOCUMENTS_CONTENDED") return error.code;
      }
    }
  }

  it.skipIf(!isThere)("20 invites on 2 free seats are exactly 2", { timeout: 120_000 }, async () => {
    await world.owner();
    const invite = (at: number) => () => {
      const request = { email: `p${at}@example.com` };
      return createInvite({ org, caller: key, request }, world.effects(), world.ports);
    };

    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, at) => outcome(invite(at))));

    expect(outcomes.filter((each) => each === "done")).toHaveLength(2);
    expect(outcomes.filter((each) => each === "PLAN_LIMIT_REACHED")).toHaveLength(18);
    expect(await world.seats()).toEqual({ used: 3, held: 2, members: 1 });
  });

  it.skipIf(!isThere)("5 invites of one address are one", { timeout: 60_000 }, async () => {
    const request = { email: "ada@example.com" };
    const invite = () => createInvite({ org, caller: key, request }, world.effects(), world.ports);

    const outcomes = await Promise.all(Array.from({ length: 5 }, () => outcome(invite)));

    expect(outcomes.sort()).toEqual(["INVITE_PENDING", "INVITE_PENDING", "INVITE_PENDING", "INVITE_PENDING", "done"]);
    expect(await world.seats()).toMatchObject({ used: 1 });
  });

  it.skipIf(!isThere)("5 acceptances of one invite are one member", { timeout: 60_000 }, async () => {
    const { token } = await world.invite(key, "ada@example.com");
    const ada = await world.person("ada@example.com");
    const accept = () =>
      acceptInvite({ caller: ada, reference: { token } }, world.effects("invite.accepted"), world.ports);

    const outcomes = await Promise.all(Array.from({ length: 5 }, () => outcome(accept)));

    expect(outcomes).toEqual(["done", "done", "done", "done", "done"]);
    expect(await world.seats()).toEqual({ used: 1, held: 0, members: 1 });
    expect(world.audit().filter(({ action }) => action === "invite.accepted")).toHaveLength(1);
  });

  it.skipIf(!isThere)(
    "a transfer to each of two members and the removal of both leave one owner, who is on file",
    { timeout: 60_000 },
    async () => {
      const owner = await world.owner();
      const asOwner = await world.as(owner);
      const heirs = [await world.joined(asOwner, "ada@example.com"), await world.joined(asOwner, "bob@example.com")];
      const transfer = (caller: Caller, to: string) => () =>
        transferOwnership(
          { org, caller, request: { to_user_id: to, confirm_org_slug: "Acme" } },
          world.effects(),
          world.ports,
        );
      const remove = (userId: string) => () => removeMember({ org, caller: asOwner, userId }, world.effects());

      await Promise.all(heirs.flatMap(({ userId }) => [outcome(transfer(asOwner, userId)), outcome(remove(userId))]));

      const owners = Object.entries(world.members()).filter(([, role]) => role === "owner");
      expect(owners).toHaveLength(1);
      const onFile = world.documents.stored.get("orgs/acme")?.["ownerUserId"];
      expect(world.documents.stored.get(`orgs/acme/members/${String(onFile)}`)).toMatchObject({ role: "owner" });
      expect((await world.seats()).members).toBe(Object.keys(world.members()).length);
    },
  );
});
