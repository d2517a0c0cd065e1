import { behaviourOf } from "../behaviour.ts";
import type { Provider } from "../provider.ts";
import { accountOf, costReportPath, keyForms, keyOf, modelsPath, refusal } from "./accounts.ts";
import { claudeCode } from "./claude-code.ts";
import { costReport } from "./cost-report.ts";
import { errorAnswer, identify } from "./errors.ts";
import { apiKeys, me, models, workspaces } from "./listings.ts";
import { messagesUsage } from "./messages-usage.ts";
import { organizationOf } from "./organization.ts";
import { truth } from "./truth.ts";

/** Anthropic's Admin API (reference/anthropic.md) below `/anthropic`. */
export const anthropic: Provider = {
  name: "anthropic",
  shortestAccount: 10,
  sample: {
    path: `${costReportPath}?starting_at=2026-07-01T00:00:00Z&limit=1&group_by[]=description`,
    headers: ["x-api-key: sk-ant-admin-sim-example-org", "anthropic-version: 2023-06-01"],
  },
  keyForms,
  routes: [
    { path: modelsPath, answer: models },
    { path: "/v1/organizations/me", answer: me },
    { path: "/v1/organizations/workspaces", answer: workspaces },
    { path: "/v1/organizations/api_keys", answer: apiKeys },
    { path: costReportPath, answer: costReport },
    { path: "/v1/organizations/usage_report/messages", answer: messagesUsage },
    { path: "/v1/organizations/usage_report/claude_code", answer: claudeCode },
  ],
  keyOf,
  accountOf,
  refusal,
  headers: ({ account }, requestId) => ({
    "request-id": `req_${requestId}`,
    ...(account === undefined || behaviourOf(account) === "revoked"
      ? {}
      : { "anthropic-organization-id": organizationOf(account).id }),
  }),
  identify,
  error: errorAnswer,
  truth,
};
