/** Areas with a read and a write scope. Source: `organizations.md` 4. */
const areas = [
  "org",
  "integrations",
  "pricing",
  "subscriptions",
  "hierarchy",
  "pipelines",
  "costs",
  "usage",
  "budgets",
  "alerts",
  "notifications",
  "members",
  "keys",
  "quota",
  "audit",
  "billing",
  "data",
] as const;

type Area = (typeof areas)[number];

/** A permission of a credential. */
export type Scope =
  | `${Area}:read`
  | `${Area}:write`
  | "pipelines:run"
  | "data:export"
  | "data:delete"
  | "org:delete"
  | "ownership:transfer"
  | "*";

/** Every scope but `*`. Not all have a sense: nothing asks for `quota:write`. */
export const allScopes: readonly Scope[] = [
  ...areas.flatMap((area): Scope[] => [`${area}:read`, `${area}:write`]),
  "pipelines:run",
  "data:export",
  "data:delete",
  "org:delete",
  "ownership:transfer",
];

/** What only a person may do: a key with `*` does not hold these. */
const peopleOnly: ReadonlySet<string> = new Set(["billing:write", "data:delete", "org:delete", "ownership:transfer"]);

const aliases: Readonly<Record<string, string>> = {
  "pipelines:write": "pipelines:run",
  "pipelines:execute": "pipelines:run",
  "credentials:read": "integrations:read",
  "credentials:write": "integrations:write",
};

/** The scope under its own name; undefined for what is none. */
export function canonicalScope(text: string): Scope | undefined {
  const scope = Object.hasOwn(aliases, text) ? aliases[text] : text;
  return scope === "*" ? scope : allScopes.find((each) => each === scope);
}

/** True for what no key may do, whatever its scopes. */
export function isForPeople(scope: Scope): boolean {
  return peopleOnly.has(scope);
}

/** Whether the scopes of a key allow what a function asks for. */
export function keyHolds(scopes: readonly string[], wanted: Scope): boolean {
  const canonical = scopes.map((scope) => aliases[scope] ?? scope);
  if (canonical.includes(wanted)) return true;
  return canonical.includes("*") && !peopleOnly.has(wanted);
}
