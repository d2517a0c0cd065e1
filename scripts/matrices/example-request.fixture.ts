import type { Functions } from "#scripts/start/functions.ts";
import type { AnyFunction, AnyHttpDeclaration } from "#shared/runtime/declaration.ts";
import { heldDayId } from "./held-day.fixture.ts";
import { exampleBatchId, exampleLetterId } from "./operator-documents.fixture.ts";
import type { RawCall } from "./raw-http.fixture.ts";
import type { Tenant } from "./two-organizations.fixture.ts";

/** An address of an endpoint: its own path or an alias. */
export interface Endpoint {
  name: string;
  template: string;
  declaration: AnyHttpDeclaration;
}

/** Every address of every endpoint; a function file that is added is among them by itself. */
export function endpointsOf(functions: Functions): Endpoint[] {
  return Object.entries(functions).flatMap(([name, fn]: [string, AnyFunction]) => {
    if (fn.kind !== "http") return [];
    const { declaration } = fn;
    return [declaration.path, ...(declaration.aliases ?? [])].map((template) => ({ name, template, declaration }));
  });
}

/** Names of the parameters in a template, in their order. */
export function paramsOf(template: string): string[] {
  return [...template.matchAll(/\{(\w+)(?:=\*\*)?\}/g)].map((match) => match[1] ?? "");
}

/** The path with the parameters that exist for the tenant, except where another value, as it goes over the wire, is given. */
export function pathOf(template: string, tenant: Tenant, other: Readonly<Record<string, string>> = {}): string {
  const known = {
    org: tenant.slug,
    provider: "openai",
    domain: "cost",
    pipeline: "usage_cost",
    run: tenant.runId,
    pipeline_id: "openai-cost-usage-cost",
    name: "openai-cost-usage-cost",
    quarantine_id: heldDayId(tenant),
    import_id: tenant.importId,
    entity_id: tenant.entityId,
    rule_id: tenant.ruleId,
    metric: exampleMetric,
    level: "1",
    month: "2025-01",
    config_id: tenant.configId,
    backfill_id: tenant.backfillId,
    flow: "payg",
    identifier: "gpt-4o",
    model_id: "gpt-4o",
    plan_name: "TIER1",
    subscription_id: tenant.planId,
    preview_id: tenant.previewId,
    category: "genai",
    batch_run_id: exampleBatchId(tenant),
    dead_letter_id: exampleLetterId,
  };
  // A delivered file belongs to the provider it was delivered for.
  const ofFile = template.includes("{import_id}") ? { provider: "focus" } : {};
  const ofPlans = template.includes("/providers/{provider}/") ? { provider: "slack" } : {};
  // Of the addresses of pipelines only this provider's has two words.
  const ofShortRun = /\/run\/\{org\}\/\{provider\}\/{1,2}\{pipeline\}$/.test(template) ? { provider: "anthropic" } : {};
  const values: Record<string, string> = { ...known, ...ofFile, ...ofPlans, ...ofShortRun, ...other };
  return template.replace(/\{(\w+)(?:=\*\*)?\}/g, (_all, name: string) => values[name] ?? "example_1");
}

/** Every tenant has it. */
export const exampleMetric = "example_metric";

const exampleParameters: Readonly<Record<string, string>> = {
  ...{ amount: "1", from: "USD", to: "EUR" },
  ...{ from_currency: "USD", to_currency: "EUR", valid_from: "2026-01-01" },
  ...{ metric: exampleMetric, start_date: "2026-07-01", end_date: "2026-07-03" },
};

/** The query that a read cannot do without, from `?` on; empty for most. */
export function neededQuery({ query }: AnyHttpDeclaration): string {
  // What has a default counts as required too; only what has none needs an example.
  const required = ((query?.["required"] ?? []) as string[]).filter((name) => name in exampleParameters);
  const values = Object.fromEntries(required.map((name) => [name, exampleParameters[name] ?? ""]));
  return required.length === 0 ? "" : `?${new URLSearchParams(values).toString()}`;
}

/** A call that shows who is let in and has no effect: a body that no schema takes goes with whatever may change something. */
export function harmlessCall(endpoint: Endpoint, path: string): RawCall {
  const { method } = endpoint.declaration;
  return method === "GET" ? { method, path } : { method, path, body: '{"no_such_field":1}' };
}
