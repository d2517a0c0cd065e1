import { createHash } from "node:crypto";
import { type DeadLetterDocument, deadLetterPath } from "#shared/pipelines/dead-letters.ts";
import { type Body, type Example, type Making, root, type ValidRequest } from "./making.fixture.ts";

export function runRequests(): Record<string, Example> {
  /** A day of its own for each, so that no run is the duplicate of another. */
  const days = ({ unique }: Making) => {
    const day = new Date(Date.UTC(2026, 0, 1 + Number(unique("")))).toISOString().slice(0, 10);
    return { start_date: day, end_date: day };
  };
  const ranFor: Example = (at) => ({ body: days(at) });
  /** A run that an executor outside works on: nothing here ends it. */
  const reserved = async (at: Making) => {
    const body = { pipeline_id: "openai-cost-usage-cost", date: days(at).start_date, reserve: true };
    return String((await at.made("POST", `/validator/validate/${at.alpha.slug}`, body))["run_id"]);
  };
  const backfill = async (at: Making) => {
    const { slug, headers } = await at.organization();
    const account = { api_key: `sk-admin-sim-${at.unique("backfilled")}` };
    await at.made("POST", `/integrations/${slug}/openai/setup`, account, headers);
    const body = { pipeline_id: "openai-cost-usage-cost", start_date: "2026-01-31", end_date: "2026-02-01" };
    const made = await at.made("POST", `/pipelines/${slug}/backfills`, body, headers);
    return { slug, headers, backfillId: String(made["backfill_id"]) };
  };
  const ofBackfill =
    (...before: string[]): Example =>
    async (at) => {
      const { slug, headers, backfillId } = await backfill(at);
      for (const verb of before)
        await at.made("POST", `/pipelines/${slug}/backfills/${backfillId}/${verb}`, undefined, headers);
      return { params: { org: slug, backfill_id: backfillId }, headers };
    };
  return {
    "pipeline-run": ranFor,
    "pipeline-run-short": async (at) => {
      const { slug, headers } = await at.organization();
      const account = { api_key: `sk-ant-admin-sim-${at.unique("twowords")}00000000` };
      await at.made("POST", `/integrations/${slug}/anthropic/setup`, account, headers);
      return { params: { org: slug, provider: "anthropic", pipeline: "usage_cost" }, headers, body: days(at) };
    },
    "batch-publish": (at) => ({
      body: { org_slugs: [at.alpha.slug], pipeline_id: "openai-cost-usage-cost", parameters: days(at) },
    }),
    "pipeline-run-category": (at) => ({ body: days(at), params: { category: "genai" } }),
    "pipeline-run-by-id": ranFor,
    "run-cancel": async (at) => ({ params: { run: await reserved(at) }, body: {} }),
    "own-run-cancel": async (at) => ({ params: { run: await reserved(at) } }),
    "run-retry": () => ({}),
    "backfill-create": ({ alpha }) => ({
      headers: { "x-api-key": alpha.apiKey },
      body: { pipeline_id: "openai-cost-usage-cost", start_date: "2026-02-01", end_date: "2026-02-01" },
    }),
    "backfill-pause": ofBackfill(),
    "backfill-resume": ofBackfill("pause"),
    "backfill-cancel": ofBackfill(),
    "validator-validate": (at) => ({
      body: { pipeline_id: "openai-cost-usage-cost", date: days(at).start_date, reserve: true },
    }),
    "dead-letter-discard": async (at) => ({ ...(await deadLetter(at)), body: { reason: "looked at it" } }),
    "dead-letter-replay": deadLetter,
    "validator-complete": async (at) => ({ body: { pipeline_status: "SUCCESS", run_id: await reserved(at) } }),
  };
}

/** A message that nobody could handle, as it is kept. */
async function deadLetter({ world, alpha, unique }: Making): Promise<ValidRequest> {
  const dead_letter_id = createHash("sha256").update(unique("dead letter")).digest("hex");
  const payload = { v: 1, org: alpha.key, run_id: alpha.runId };
  const now = new Date();
  await world.mirror.documents.transaction(async (tx) => {
    tx.create<DeadLetterDocument>(deadLetterPath(dead_letter_id), {
      ...{ topic: "run-dependents", payload, attributes: {}, reason: "of a test", deliveries: 1 },
      ...{ org: null, runId: null, firstAt: now.toISOString(), state: "OPEN" },
      expireAt: new Date(now.getTime() + 86_400_000).toISOString(),
    });
  });
  return { params: { dead_letter_id } };
}

export function scheduleRequests(): Record<string, Example> {
  const asked = ({ unique }: Making) => ({
    pipeline_id: "openai-cost-usage-cost",
    schedule_cron: `${Number(unique("")) % 60} 3 * * *`,
  });
  const stored = async (at: Making) =>
    String((await at.made("POST", `/scheduler/org/${at.alpha.slug}/pipelines`, asked(at)))["config_id"]);
  return {
    "schedule-create": (at) => ({ body: asked(at) }),
    "schedule-update": async (at) => ({ params: { config_id: await stored(at) }, body: { priority: 7 } }),
    "schedule-delete": async (at) => ({ params: { config_id: await stored(at) } }),
  };
}

const priceColumns =
  "provider,model,input_per_1m,cached_input_per_1m,cache_write_5m_per_1m,cache_write_1h_per_1m,output_per_1m,batch_input_per_1m,batch_output_per_1m,context_window,max_output,deprecation_date,region,currency,effective_from,source,as_of,confidence";

export function priceRequests(): Record<string, Example> {
  const price = ({ unique }: Making) => ({ model_id: unique("own-llm-"), input_per_1m: "1", output_per_1m: "2" });
  const own = async (at: Making) => {
    const asked = price(at);
    await at.made("POST", `/integrations/${at.alpha.slug}/openai/pricing`, asked);
    return asked.model_id;
  };
  const book = (model: string, input: string) => ({
    flow: "payg",
    csv_content: `${priceColumns}\nopenai,${model},${input},,,,10,,,,,,global,USD,2026-09-01,operator,2026-09-01,verified`,
    reason: "vendor's page",
    dry_run: false,
  });
  const alias = async ({ made, alpha, unique }: Making) => {
    const body = { provider: "openai", alias: unique("our-gpt-"), model_id: "gpt-4o" };
    await made("PUT", `/genai/${alpha.slug}/model-aliases`, body);
    return body.alias;
  };
  const rate = ({ unique }: Making) => ({
    ...{ from_currency: "USD", to_currency: "ISK", rate: "130" },
    valid_from: new Date(Date.UTC(2020, 0, 1 + Number(unique("")))).toISOString().slice(0, 10),
    reason: "contract",
  });
  const ofDay = (day: string) => ({
    ...rate({ unique: () => "1" } as unknown as Making),
    valid_from: day,
    valid_to: day,
  });
  return {
    "provider-pricing-add": (at) => ({ body: price(at) }),
    "provider-pricing-update": async (at) => ({ params: { model_id: await own(at) }, body: { input_per_1m: "3" } }),
    "provider-pricing-delete": async (at) => ({ params: { model_id: await own(at) } }),
    "provider-pricing-bulk": async (at) => ({ body: { updates: [{ model_id: await own(at), input_per_1m: "3" }] } }),
    "provider-pricing-reset": async (at) => {
      await own(at);
      return { body: {} };
    },
    "genai-pricing-add": (at) => ({ body: { provider: "custom", ...price(at) } }),
    "genai-pricing-delete": async (at) => ({ params: { identifier: await own(at) } }),
    "genai-pricing-override-set": async (at) => ({
      params: { identifier: await own(at) },
      body: { override_value: "0.5" },
    }),
    "genai-pricing-override-clear": async (at) => {
      const identifier = await own(at);
      const path = `/genai/${at.alpha.slug}/pricing/payg/${identifier}/override`;
      await at.made("PUT", path, { override_value: "0.5" });
      return { params: { identifier } };
    },
    "genai-pricing-policy": () => ({ body: { release_policy: "pinned" } }),
    "genai-pricing-seed-defaults": async ({ organization, made, unique }) => {
      const { slug, headers } = await organization();
      await made("PUT", `/genai/${slug}/pricing/policy`, { release_policy: "pinned" }, headers);
      await made("POST", "/admin/price-book", book(unique("newer-model-"), "1"), root);
      return { params: { org: slug }, headers, body: {} };
    },
    "model-alias-set": ({ unique }) => ({
      body: { provider: "openai", alias: unique("our-gpt-"), model_id: "gpt-4o" },
    }),
    "model-alias-delete": async (at) => ({ query: `provider=openai&alias=${await alias(at)}` }),
    "fx-org-rate-set": () => ({ body: ofDay("2026-02-01") }),
    "fx-org-rate-delete": async ({ made, alpha }) => {
      await made("PUT", `/organizations/${alpha.slug}/fx-rates`, ofDay("2026-02-03"));
      return { query: "from_currency=USD&to_currency=ISK&valid_from=2026-02-03" };
    },
    "fx-rates-load": () => ({
      body: { format: "json", source: "audited", content: '{"base":"EUR","days":{"2026-07-03":{"USD":"1.14"}}}' },
    }),
    "price-book-load": ({ unique }) => ({ body: book(unique("new-model-"), "1") }),
    "price-proposal-decide": async ({ made }) => {
      await made("POST", "/admin/price-book", book("gpt-4.1", "9"), root);
      const { proposals } = await made("GET", "/admin/price-book/proposals", undefined, root);
      const [proposal] = proposals as Body[];
      const body = { decision: "reject", reason: "checked by hand" };
      return { params: { proposal_id: String(proposal?.["proposal_id"]) }, body };
    },
    "reprice-preview": () => ({ body: { start_date: "2026-07-01", end_date: "2026-07-03" } }),
    "reprice-apply": async ({ made, alpha }) => {
      const asked = { start_date: "2026-07-01", end_date: "2026-07-03" };
      const { preview_id } = await made("POST", `/genai/${alpha.slug}/reprice/preview`, asked);
      return { params: { preview_id: String(preview_id) }, body: {} };
    },
  };
}

export function subscriptionRequests(): Record<string, Example> {
  const plan = ({ unique }: Making) => ({
    ...{ plan_name: unique("PLAN_"), unit_price: "8.75", seats: 3, start_date: "2026-08-01" },
  });
  const planned = async (at: Making) => {
    const made = await at.made("POST", `/subscriptions/${at.alpha.slug}/providers/slack/plans`, plan(at));
    return { subscription_id: String((made["plan"] as Body)["subscription_id"]) };
  };
  const subscription = ({ unique }: Making) => ({ subscription_name: unique("TIER_A"), monthly_cost: "20" });
  const subscribed = async (at: Making) => {
    const asked = subscription(at);
    await at.made("POST", `/integrations/${at.alpha.slug}/openai/subscriptions`, asked);
    return { plan_name: asked.subscription_name };
  };
  const slack = { provider: "slack" };
  return {
    "saas-plan-create": (at) => ({ body: plan(at) }),
    "saas-plan-update": async (at) => ({ params: await planned(at), body: { seats: 4 } }),
    "saas-plan-edit-version": async (at) => ({
      params: await planned(at),
      body: { effective_date: "2026-09-01", seats: 5 },
    }),
    "saas-plan-end": async (at) => ({ params: await planned(at) }),
    "saas-plan-toggle": async (at) => ({ params: await planned(at) }),
    "saas-provider-enable": () => ({ params: { provider: "github" }, body: {} }),
    "saas-provider-disable": async (at) => {
      await planned(at);
      return { params: slack, body: {} };
    },
    "saas-provider-reset": () => ({ params: slack }),
    "provider-subscription-add": (at) => ({ body: subscription(at) }),
    "provider-subscription-update": async (at) => ({ params: await subscribed(at), body: { monthly_cost: "30" } }),
    "provider-subscription-delete": async (at) => ({ params: await subscribed(at) }),
    "provider-subscriptions-reset": async (at) => {
      await subscribed(at);
      return {};
    },
  };
}
