import golden from "../anthropic-golden.json" with { type: "json" };
import catalogue from "../anthropic-models.json" with { type: "json" };
import { behaviourOf } from "../behaviour.ts";
import { hexId } from "../draw.ts";

export interface ApiKey {
  /** Null for use in the Console, which has no key. */
  readonly id: string | null;
  readonly name: string | null;
  readonly status: string;
  readonly ownerId: string;
  readonly isService: boolean;
  /** Share of the workspace's activity, percent. */
  readonly percent: bigint;
}

export interface Workspace {
  /** Null for the default workspace, which no listing shows. */
  readonly id: string | null;
  readonly name: string;
  readonly isArchived: boolean;
  /** Activity compared with the catalogue's daily numbers, percent. */
  readonly percent: bigint;
  readonly keys: readonly ApiKey[];
}

/** Id and name of an account's organization; a UUID of the account alone, so it survives a change of seed. */
export function organizationOf(account: string): { id: string; name: string } {
  if (behaviourOf(account) === "golden") return golden.organization;
  const hex = hexId(32, "anthropic", account, "organization");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return { id: parts.join("-"), name: `Simulated ${account}` };
}

/** Workspaces and keys of an account, oldest first. */
export function workspacesOf(account: string): Workspace[] {
  if (behaviourOf(account) === "golden") return [goldenWorkspace()];
  return catalogue.workspaces.map(({ name, is_default, archived, percent, keys }, index) => ({
    id: is_default ? null : `wrkspc_01${hexId(22, "anthropic", account, "workspace", index)}`,
    name,
    isArchived: archived,
    percent: BigInt(percent),
    keys: keys.map((key, keyIndex): ApiKey => {
      const isService = key.owner === "service_account";
      const owner = hexId(22, "anthropic", account, "owner", index, keyIndex);
      return {
        id: key.name === null ? null : `apikey_01${hexId(22, "anthropic", account, "key", index, keyIndex)}`,
        name: key.name,
        status: key.status,
        ownerId: isService ? `svac_01${owner}` : `user_01${owner}`,
        isService,
        percent: BigInt(key.percent),
      };
    }),
  }));
}

function goldenWorkspace(): Workspace {
  const key = { ...golden.key, status: "active", ownerId: "user_01golden", isService: false, percent: 100n };
  return { ...golden.workspace, isArchived: false, percent: 100n, keys: [key] };
}
