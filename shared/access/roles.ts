/** What a member of an organization may be (`api.md`, Credentials). */
export const roles = ["owner", "admin", "member", "viewer"] as const;

export type Role = (typeof roles)[number];

/** Document `orgs/{key}/members/{userId}`; its twin `users/{userId}/memberships/{key}` is written with it. */
export interface MembershipDocument {
  userId: string;
  org: string;
  role: Role;
  status: "ACTIVE" | "REMOVED";
  /** As the person typed it, verified; shown in lists. */
  email: string;
  name: string | null;
  /** RFC 3339, UTC. */
  joinedAt: string;
  lastSeenAt: string | null;
}

export function membershipPath(orgKey: string, userId: string): string {
  return `orgs/${orgKey}/members/${userId}`;
}

/** The twin, found from the person. */
export function ownMembershipPath(userId: string, orgKey: string): string {
  return `users/${userId}/memberships/${orgKey}`;
}
