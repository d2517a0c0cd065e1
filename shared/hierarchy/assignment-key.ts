import type { RuleMatch } from "./allocation-rule.ts";

/** What of a cost row decides where it goes. Texts are NFC; null where the row says nothing. */
export interface AssignmentKey {
  /** UTC charge day, `YYYY-MM-DD`. */
  day: string;
  provider: string | null;
  credentialId: string | null;
  environment: string | null;
  serviceCategory: string | null;
  serviceName: string | null;
  subAccountId: string | null;
  subAccountName: string | null;
  billingAccountId: string | null;
  apiKeyId: string | null;
  model: string | null;
  region: string | null;
  chargeCategory: string | null;
  chargeDescription: string | null;
  resourceId: string | null;
  /** Of a SaaS plan or provider subscription. */
  planLine: string | null;
  subscriptionId: string | null;
  /** What wrote the row. */
  pipelineId: string | null;
  serviceTier: string | null;
  /** Part of the token vector that was charged. */
  meter: string | null;
  tags: Readonly<Record<string, string>>;
}

export type Attribute = Exclude<keyof AssignmentKey, "day" | "tags">;

/** The attribute that each list of a rule's match looks at. */
export const matchedAttributes = {
  providers: "provider",
  credential_ids: "credentialId",
  environments: "environment",
  service_categories: "serviceCategory",
  service_names: "serviceName",
  sub_account_ids: "subAccountId",
  sub_account_names: "subAccountName",
  billing_account_ids: "billingAccountId",
  api_key_ids: "apiKeyId",
  models: "model",
  regions: "region",
  charge_categories: "chargeCategory",
  charge_descriptions: "chargeDescription",
  resource_ids: "resourceId",
  plan_lines: "planLine",
} as const satisfies Record<Exclude<keyof RuleMatch, "tags">, Attribute>;

export const emptyKey: AssignmentKey = {
  day: "",
  provider: null,
  credentialId: null,
  environment: null,
  serviceCategory: null,
  serviceName: null,
  subAccountId: null,
  subAccountName: null,
  billingAccountId: null,
  apiKeyId: null,
  model: null,
  region: null,
  chargeCategory: null,
  chargeDescription: null,
  resourceId: null,
  planLine: null,
  subscriptionId: null,
  pipelineId: null,
  serviceTier: null,
  meter: null,
  tags: {},
};

/** Tags as columns hold them, a JSON object of scalars, as texts; a label without value is `true`. */
export function tagsOf(column: string | null): Record<string, string> {
  if (column === null || column === "") return {};
  const parsed: unknown = JSON.parse(column);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return {};
  return Object.fromEntries(
    Object.entries(parsed)
      .filter(([, value]) => value !== null && typeof value !== "object")
      .map(([key, value]) => [key.normalize("NFC"), String(value).normalize("NFC")]),
  );
}
