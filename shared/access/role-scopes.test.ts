import { describe, expect, it } from "vitest";
import { roleScopes } from "./role-scopes.ts";
import { type Role, roles } from "./roles.ts";
import { allScopes, keyHolds, type Scope } from "./scopes.ts";

/** The table of `organizations.md` 4, column by column: owner, admin, member, viewer, key with `*`. */
const rows: [group: string, scopes: RegExp, holders: string][] = [
  ["every read but keys, audit, billing", /^(?!keys|audit|billing).*:read$/, "owner admin member viewer key"],
  [
    "work",
    /^(pipelines:run|(hierarchy|budgets|alerts|notifications|subscriptions|pricing):write)$/,
    "owner admin member key",
  ],
  [
    "administration",
    /^((integrations|org|keys|members|costs|usage):write|(keys|audit|billing):read|data:export)$/,
    "owner admin key",
  ],
  ["ownership", /^(billing:write|data:delete|org:delete|ownership:transfer)$/, "owner"],
];

function holders(scope: Scope): string[] {
  const people = roles.filter((role: Role) => roleScopes(role).includes(scope));
  return [...people, ...(keyHolds(["*"], scope) ? ["key"] : [])];
}

const cells = rows.flatMap(([group, scopes, who]) =>
  allScopes.filter((scope) => scopes.test(scope)).map((scope) => ({ group, scope, who: who.split(" ") })),
);

describe("the table of roles and scopes", () => {
  it.each(cells)("gives $scope ($group) to $who and to nobody else", ({ scope, who }) => {
    expect(holders(scope)).toEqual(who);
  });

  it("gives no role a scope that no row names", () => {
    const named = new Set<string>(cells.map(({ scope }) => scope));

    for (const role of roles) expect(roleScopes(role).filter((scope) => !named.has(scope))).toEqual([]);
  });

  it("has rows that share no scope, of which none is empty", () => {
    expect(new Set(cells.map(({ scope }) => scope)).size).toBe(cells.length);
    for (const [group] of rows) expect(cells.some((cell) => cell.group === group)).toBe(true);
  });
});
