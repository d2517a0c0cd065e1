import { describe, expect, it } from "vitest";
import type { MembershipDocument, Role } from "#shared/access/roles.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { type Actor, activeMember, canonicalRole, left, refuseRole, removedBy, withRole } from "./member.ts";

const actor = (role: Role | null, userId: string | null = role === null ? null : "usr_actor"): Actor => ({
  userId,
  role,
});
const member = (role: Role, userId = "usr_target"): MembershipDocument => ({
  userId,
  org: "acme",
  role,
  status: "ACTIVE",
  email: "t@example.com",
  name: null,
  joinedAt: "2026-08-10T12:00:00.000Z",
  lastSeenAt: null,
});

function codeOf(work: () => unknown): string {
  try {
    work();
    return "done";
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
}

describe("a role", () => {
  // Who acts, on whom, to which role.
  it.each<[Role | null, Role, Exclude<Role, "owner">, string]>([
    ["owner", "member", "admin", "done"],
    ["owner", "admin", "member", "done"],
    ["owner", "viewer", "member", "done"],
    ["admin", "member", "viewer", "done"],
    ["admin", "viewer", "member", "done"],
    ["admin", "member", "admin", "ROLE_EXCEEDED"],
    ["admin", "admin", "member", "ROLE_EXCEEDED"],
    ["admin", "admin", "admin", "done"],
    ["admin", "owner", "member", "OWNER_REQUIRED"],
    ["owner", "owner", "admin", "OWNER_REQUIRED"],
    [null, "member", "viewer", "done"],
    [null, "member", "admin", "ROLE_EXCEEDED"],
    [null, "admin", "viewer", "ROLE_EXCEEDED"],
    [null, "owner", "viewer", "OWNER_REQUIRED"],
  ])("is changed by %s on %s to %s: %s", (by, of, to, outcome) => {
    expect(codeOf(() => withRole(member(of), to, actor(by)))).toBe(outcome);
  });

  it("is never one's own to change", () => {
    expect(codeOf(() => withRole(member("admin", "usr_1"), "viewer", actor("admin", "usr_1")))).toBe("ROLE_EXCEEDED");
    expect(codeOf(() => withRole(member("owner", "usr_1"), "viewer", actor("owner", "usr_1")))).toBe("OWNER_REQUIRED");
  });

  it.each<[Role | null, Role, string]>([
    ["owner", "admin", "done"],
    ["owner", "member", "done"],
    ["admin", "viewer", "done"],
    ["admin", "admin", "ROLE_EXCEEDED"],
    ["admin", "owner", "OWNER_REQUIRED"],
    ["owner", "owner", "OWNER_REQUIRED"],
    [null, "member", "done"],
    [null, "admin", "ROLE_EXCEEDED"],
  ])("lets %s remove %s: %s", (by, of, outcome) => {
    expect(codeOf(() => removedBy(member(of), actor(by)))).toBe(outcome);
  });

  it("of owner is nobody's to give or take here, and keeps its holder from leaving", () => {
    expect(codeOf(() => refuseRole(actor("owner"), "owner"))).toBe("ROLE_EXCEEDED");
    expect(codeOf(() => left(member("owner")))).toBe("OWNER_REQUIRED");
    expect(left(member("admin")).status).toBe("REMOVED");
  });

  it.each([
    ["collaborator", "member"],
    ["read_only", "viewer"],
    ["admin", "admin"],
  ] as const)("%s is known as %s", (name, role) => {
    expect(canonicalRole(name)).toBe(role);
  });

  it("is held by active members only", () => {
    expect(codeOf(() => activeMember({ ...member("member"), status: "REMOVED" }))).toBe("MEMBER_NOT_FOUND");
    expect(codeOf(() => activeMember(undefined))).toBe("MEMBER_NOT_FOUND");
  });
});
