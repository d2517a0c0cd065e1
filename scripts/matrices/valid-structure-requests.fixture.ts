import { readFile } from "node:fs/promises";
import { systemIds } from "#shared/platform/ids.ts";
import { heldDayId, holdDay } from "./held-day.fixture.ts";
import type { Example, Making, ValidRequest } from "./making.fixture.ts";

export function hierarchyRequests(): Record<string, Example> {
  const entity = async ({ made, alpha, unique }: Making) =>
    String(
      (
        await made("POST", `/hierarchy/${alpha.slug}/entities`, {
          entity_name: unique("Unit "),
          level_code: "department",
        })
      )["entity_id"],
    );
  const level = { level: 4, level_code: "squad", level_name: "Squad", level_name_plural: "Squads", parent_level: 3 };
  const ofOwn =
    (prepare: (at: Making, slug: string, headers: { "x-api-key": string }) => Promise<ValidRequest>): Example =>
    async (at) => {
      const { slug, headers } = await at.organization();
      return { headers, ...(await prepare(at, slug, headers)), params: { org: slug, level: "4" } };
    };
  return {
    "hierarchy-entity-create": ({ unique }) => ({ body: { entity_name: unique("Unit "), level_code: "department" } }),
    "hierarchy-entity-update": async (at) => ({
      params: { entity_id: await entity(at) },
      body: { description: "changed" },
    }),
    "hierarchy-entity-delete": async (at) => ({ params: { entity_id: await entity(at) } }),
    "hierarchy-entity-restore": async (at) => {
      const entity_id = await entity(at);
      await at.made("DELETE", `/hierarchy/${at.alpha.slug}/entities/${entity_id}`);
      return { params: { entity_id }, body: {} };
    },
    "hierarchy-entity-move": async (at) => {
      const [from, to] = [await entity(at), await entity(at)];
      const body = { entity_name: at.unique("Project "), level_code: "project", parent_id: from };
      const project = await at.made("POST", `/hierarchy/${at.alpha.slug}/entities`, body);
      return { params: { entity_id: String(project["entity_id"]) }, body: { new_parent_id: to } };
    },
    "hierarchy-entities-seed": ofOwn(async () => ({})),
    "hierarchy-levels-seed": ofOwn(async (at, slug, headers) => {
      for (const number of [3, 2, 1])
        await at.made("DELETE", `/hierarchy/${slug}/levels/${number}`, undefined, headers);
      return {};
    }),
    "hierarchy-import": ofOwn(async () => ({
      body: { csv_content: "entity_id,entity_name,level,level_code,parent_id\r\nX,X,1,department," },
    })),
    "hierarchy-level-create": ofOwn(async () => ({ body: level })),
    "hierarchy-level-update": ofOwn(async (at, slug, headers) => {
      await at.made("POST", `/hierarchy/${slug}/levels`, level, headers);
      return { body: { level_name: "Crew" } };
    }),
    "hierarchy-level-delete": ofOwn(async (at, slug, headers) => {
      await at.made("POST", `/hierarchy/${slug}/levels`, level, headers);
      return {};
    }),
  };
}

export function allocationRequests(): Record<string, Example> {
  const rule = ({ alpha, unique }: Making) => ({
    name: unique("rule "),
    match: { providers: ["nobody"] },
    action: { type: "assign", entity_id: alpha.entityId },
  });
  const stored = async (at: Making) =>
    String((await at.made("POST", `/hierarchy/${at.alpha.slug}/allocation/rules`, rule(at)))["rule_id"]);
  return {
    "allocation-rule-create": (at) => ({ body: rule(at) }),
    "allocation-rule-update": async (at) => ({ params: { rule_id: await stored(at) }, body: { is_active: false } }),
    "allocation-rule-delete": async (at) => ({ params: { rule_id: await stored(at) } }),
    "allocation-rules-reorder": async ({ organization, made, unique }) => {
      const { slug, headers } = await organization();
      const entity = { entity_name: "Unit", level_code: "department" };
      const { entity_id } = await made("POST", `/hierarchy/${slug}/entities`, entity, headers);
      const make = async (): Promise<string> => {
        const body = { name: unique("rule "), match: { providers: ["nobody"] }, action: { type: "assign", entity_id } };
        return String((await made("POST", `/hierarchy/${slug}/allocation/rules`, body, headers))["rule_id"]);
      };
      const [first, second] = [await make(), await make()];
      return { params: { org: slug }, headers, body: { rule_ids: [second, first] } };
    },
    "allocation-settings-set": () => ({ body: { tag_keys: ["team"], ignore_case: true } }),
  };
}

/** A day without charges, pulled later than every run here. */
async function heldDay({ world: { alpha, mirror } }: Making): Promise<ValidRequest> {
  const held = { ...alpha, runId: systemIds.newId("run") };
  const pulledFence = 1_000_000;
  const empty = {
    source: alpha.credentialId,
    day: "2026-07-02",
    state: "empty" as const,
    rows: 0,
    totals: {},
    parts: {},
  };
  await holdDay(held, mirror.documents, { pulledFence, publications: [{ ...empty, pulledFence }] });
  return { params: { quarantine_id: heldDayId(held) }, body: { reason: "looked at it" } };
}

export function integrationRequests(): Record<string, Example> {
  return {
    "integration-setup": ({ unique }) => ({
      body: { api_key: `sk-admin-sim-${unique("auditedaccount")}`, credential_name: unique("name ") },
    }),
    "integration-validate": async ({ organization, made, unique }) => {
      const { slug, headers } = await organization();
      await made(
        "POST",
        `/integrations/${slug}/openai/setup`,
        { api_key: `sk-admin-sim-${unique("validated")}` },
        headers,
      );
      return { params: { org: slug }, headers, body: {} };
    },
    "integration-delete": async ({ organization, made, unique }) => {
      const { slug, headers } = await organization();
      await made(
        "POST",
        `/integrations/${slug}/openai/setup`,
        { api_key: `sk-admin-sim-${unique("removed")}` },
        headers,
      );
      return { params: { org: slug }, headers };
    },
    "import-create": async ({ organization, made }) => {
      const { slug, headers } = await organization();
      await made("POST", `/integrations/${slug}/focus/setup`, {}, headers);
      return {
        params: { org: slug, provider: "focus" },
        headers,
        file: await readFile("scripts/demo/sample-focus.csv"),
      };
    },
    "quarantine-release": heldDay,
    "quarantine-discard": heldDay,
  };
}
