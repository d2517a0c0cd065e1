import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainEffects } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EntityAnswer } from "#shared/hierarchy/entity.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import { deleteEntity } from "#shared/hierarchy/entity-delete.ts";
import { type Connecting, refusal, startConnecting } from "#shared/integrations/connecting.fixture.ts";
import { SetupRequest } from "#shared/integrations/setup.ts";
import { integrationOf } from "#shared/integrations/status.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { allocationState } from "./allocation-input.ts";
import { referenceKinds } from "./reference-kinds.ts";

const root = { kind: "root", credentialId: "root" } as const;
let at: Connecting;
let count = 0;
beforeAll(async () => {
  at = await startConnecting();
});
afterAll(() => at.world.stop());

async function orgWith(...ids: string[]): Promise<OrgIdentity> {
  count += 1;
  const { org } = await at.world.onboarded(`Default_${count}`, "SCALE");
  for (const entity_id of ids) {
    const request = { entity_id, entity_name: entity_id, level_code: "department" };
    await createEntity({ org, caller: root, request }, plainEffects<EntityAnswer>(at.ports), at.ports);
  }
  return org;
}

const ended = (org: OrgIdentity, entityId: string, query: Parameters<typeof deleteEntity>[0]["query"]) =>
  deleteEntity({ org, caller: root, entityId, kinds: referenceKinds, query }, plainEffects<null>(at.ports), at.ports);

const key = (name: string) => `sk-admin-sim-account-${name}`;
const shown = async (org: OrgIdentity) =>
  (await integrationOf(org, "openai", at.documents)).credentials[0]?.default_hierarchy_entity_id;

describe("the default entity of a credential", () => {
  it("is stored in upper case, shown, used by allocation, kept by a setup that does not name it, and cleared by null", async () => {
    const org = await orgWith("OPS");

    const { credential_id } = await at.setUp(org, key("default"), { default_hierarchy_entity_id: "ops" });
    await at.setUp(org, key("default"));

    expect(await shown(org)).toBe("OPS");
    const { input } = await allocationState(org, { documents: at.documents, now: at.world.clock.now() });
    expect(input.credentialDefaults.get(credential_id)).toBe("OPS");
    await at.setUp(org, key("default"), { default_hierarchy_entity_id: null });
    expect(await shown(org)).toBeNull();
  });

  it.each(["hierarchy_entity_id", "default_x_hierarchy_entity_id"])("is also taken as %s", async (name) => {
    expect(await validBody(SetupRequest, { [name]: "OPS" })).toEqual({ default_hierarchy_entity_id: "OPS" });
  });

  it("must be an active entity of the organization; the provider is not asked before", async () => {
    const org = await orgWith("GONE");
    await orgWith("THEIRS");
    await ended(org, "GONE", { force: false });

    for (const entity of ["GONE", "THEIRS", "NOBODY", "UNALLOCATED"]) {
      const error = await refusal(at.setUp(org, key("unknown-entity"), { default_hierarchy_entity_id: entity }));

      expect(error).toMatchObject({
        code: "HIERARCHY_ENTITY_UNKNOWN",
        fields: [{ path: "/default_hierarchy_entity_id" }],
      });
    }
    expect(await at.calls("account-unknown-entity")).toBe(0);
  });

  it("keeps its entity from being deleted; with force the credential names the other one, without it none applies", async () => {
    const org = await orgWith("OLD", "NEW");
    const { credential_id: id } = await at.setUp(org, key("moves"), { default_hierarchy_entity_id: "OLD" });

    const blocked = await refusal(ended(org, "OLD", { force: false }));
    await ended(org, "OLD", { force: true, reassign_to: "new" });

    expect(blocked).toMatchObject({
      code: "ENTITY_IN_USE",
      extra: { blocking_entities: [{ kind: "credential_default", id, name: "default" }] },
    });
    expect(await shown(org)).toBe("NEW");
  });

  it("does not come back when a setup was on its way while it was moved", async () => {
    const org = await orgWith("OLD", "NEW");
    await at.setUp(org, key("racing"), { default_hierarchy_entity_id: "OLD" });
    const racing: EnginePorts = {
      ...at.ports,
      keys: {
        ...at.ports.keys,
        open: async (sealed, context) => {
          await ended(org, "OLD", { force: true, reassign_to: "NEW" });
          return at.ports.keys.open(sealed, context);
        },
      },
    };

    await at.setUp(org, key("racing"), {}, racing);

    expect(await shown(org)).toBe("NEW");
  });

  it("is refused when it ends while the provider is being asked", async () => {
    const org = await orgWith("OLD");
    const racing: EnginePorts = {
      ...at.ports,
      keys: {
        ...at.ports.keys,
        open: async (sealed, context) => {
          await ended(org, "OLD", { force: true });
          return at.ports.keys.open(sealed, context);
        },
      },
    };

    const error = await refusal(at.setUp(org, key("late"), { default_hierarchy_entity_id: "OLD" }, racing));

    expect(error.code).toBe("HIERARCHY_ENTITY_UNKNOWN");
  });
});
