import { behaviourOf } from "../behaviour.ts";
import type { Provider, Route } from "../provider.ts";
import { accountOf, keyForms, keyOf, refusal } from "./accounts.ts";
import { costs } from "./costs.ts";
import { errorAnswer } from "./errors.ts";
import { adminKeys, models, projectKeys, projects } from "./listings.ts";
import { truth } from "./truth.ts";
import { usage } from "./usage.ts";
import { usageEndpoints } from "./usage-endpoints.ts";

/** OpenAI's organization API (reference/openai.md) below `/openai`. */
export const openai: Provider = {
  name: "openai",
  shortestAccount: 7,
  sample: {
    path: "/v1/organization/costs?start_time=1782864000&limit=1&group_by=line_item",
    headers: ["Authorization: Bearer sk-admin-sim-example"],
  },
  keyForms,
  routes: [
    { path: "/v1/models", answer: models },
    { path: "/v1/organization/costs", answer: costs },
    { path: "/v1/organization/projects", answer: projects },
    { path: "/v1/organization/projects/{id}/api_keys", answer: projectKeys },
    { path: "/v1/organization/admin_api_keys", answer: adminKeys },
    ...usageEndpoints.map(
      (endpoint): Route => ({
        path: `/v1/organization/usage/${endpoint.name}`,
        answer: (call) => usage(call, endpoint),
      }),
    ),
  ],
  keyOf,
  accountOf,
  refusal,
  headers: ({ account }, requestId) => ({
    "x-request-id": `req_${requestId}`,
    "openai-version": "2020-10-01",
    ...(account === undefined || behaviourOf(account) === "revoked"
      ? {}
      : { "openai-organization": `org-sim-${account}` }),
  }),
  error: (status, message) => errorAnswer(status, message),
  truth,
};
