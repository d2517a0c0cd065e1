import { behaviourOf } from "../behaviour.ts";
import { hexId } from "../draw.ts";
import golden from "../openai-golden.json" with { type: "json" };
import catalogue from "../openai-models.json" with { type: "json" };

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly ownerType: "user" | "service_account";
  readonly ownerId: string;
  /** Share of the project's activity, percent. */
  readonly percent: bigint;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly isArchived: boolean;
  /** Activity compared with the catalogue's daily numbers, percent. */
  readonly percent: bigint;
  readonly keys: readonly ApiKey[];
}

/** Projects and keys of an account, oldest first; ids depend on the account alone, so they survive a change of seed. */
export function projectsOf(account: string): Project[] {
  return behaviourOf(account) === "golden"
    ? [goldenProject()]
    : catalogue.projects.map((_, index) => project(account, index));
}

function project(account: string, index: number): Project {
  const template = catalogue.projects[index];
  if (template === undefined) throw new Error(`no project ${index} in the catalogue`);
  const keys = template.keys.map((key, keyIndex): ApiKey => {
    const ownerType = key.owner === "user" ? "user" : "service_account";
    const ownerId = hexId(24, "openai", account, "owner", index, keyIndex);
    return {
      id: `key_${hexId(16, "openai", account, "key", index, keyIndex)}`,
      name: key.name,
      ownerType,
      ownerId: ownerType === "user" ? `user-${ownerId}` : `svcacct-${ownerId}`,
      percent: BigInt(key.percent),
    };
  });
  return {
    id: `proj_${hexId(24, "openai", account, "project", index)}`,
    name: template.name,
    isArchived: template.archived,
    percent: BigInt(template.percent),
    keys,
  };
}

function goldenProject(): Project {
  const { project, key } = golden;
  const owner = { ownerType: "user", ownerId: "user-golden" } as const;
  return { ...project, isArchived: false, percent: 100n, keys: [{ ...key, ...owner, percent: 100n }] };
}
