import { beforeEach, describe, expect, it } from "vitest";
import { org as acme, type MembersWorld, refusalOf, startMembers } from "#shared/members/members.fixture.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { type PersonDocument, userPath } from "#shared/people/person.ts";
import type { QuotaWarning } from "#shared/quotas/quota-warning.ts";
import { sendQuotaWarning } from "./quota-warning-mail.ts";

const warning: QuotaWarning = {
  org: acme.key,
  limit: "daily",
  period: "2026-08-10",
  level: 80,
  used: 5,
  limit_value: 6,
  percent: 83.3,
};

let world: MembersWorld;

beforeEach(async () => {
  world = await startMembers(10);
});

const send = (change: Partial<QuotaWarning> = {}) => sendQuotaWarning({ ...warning, ...change }, world.ports);

async function told(): Promise<{ to: string; name: string; values: Record<string, string> }[]> {
  const mails = await world.mails();
  return mails.filter(({ name }) => name.startsWith("quota-warning-"));
}

async function setOrganization(change: Partial<OrgDocument>): Promise<void> {
  const path = `orgs/${acme.key}`;
  await world.documents.transaction(async (tx) => {
    const { body } = await tx.get<OrgDocument>(path);
    tx.set(path, { ...body, ...change });
  });
}

describe("a quota warning", () => {
  it("reaches the owner and the admins, nobody else, each in their own language", async () => {
    const owner = await world.owner();
    const admin = await world.joined(await world.as(owner), "admin@acme.example", "admin");
    await world.joined(await world.as(owner), "member@acme.example", "member");
    await world.documents.transaction(async (tx) => {
      const { body } = await tx.get<PersonDocument>(userPath(admin.userId));
      tx.set(userPath(admin.userId), { ...body, language: "de" });
    });

    await send();

    const mails = await told();
    expect(mails.map(({ to }) => to).toSorted()).toEqual(["admin@acme.example", "owner@acme.example"]);
    expect(mails).toContainEqual(expect.objectContaining({ to: "admin@acme.example", language: "de" }));
    expect(mails[0]).toMatchObject({
      name: "quota-warning-daily",
      values: { used: "5", limit_value: "6", percent: "83.3", period: "2026-08-10" },
    });
  });

  it("reaches the address that the organization was made for while it has no owner", async () => {
    await setOrganization({ adminEmail: "Ops@acme.example" });

    await send({ limit: "seats", period: "2026-08" });

    expect(await told()).toMatchObject([{ to: "Ops@acme.example", name: "quota-warning-seats" }]);
  });

  it("is one mail however often its message comes, and another for another level, limit or period", async () => {
    await world.owner();

    await Promise.all([send(), send(), send()]);
    await send();
    const once = (await told()).length;
    for (const other of [{ level: 90 }, { limit: "monthly" as const }, { period: "2026-08-11" }]) await send(other);

    expect([once, (await told()).length]).toEqual([1, 4]);
  });

  it("tells nobody of an organization that has ended or never was", async () => {
    await world.owner();
    await setOrganization({ state: "DELETED" });

    const refusals = [await refusalOf(send()), await refusalOf(send({ org: "nobody" }))];

    expect(refusals).toEqual([undefined, undefined]);
    expect(await told()).toEqual([]);
  });
});
