import type { Answer, AuthorizedCall, Provider, Route } from "../provider.ts";
import { accountOf, behaviourOf, keyForms, keyOf, refusal } from "./accounts.ts";
import { costs } from "./costs.ts";
import { errorAnswer, Refusal } from "./errors.ts";
import { adminKeys, models, projectKeys, projects } from "./listings.ts";
import { truth } from "./truth.ts";
import { usage } from "./usage.ts";
import { usageEndpoints } from "./usage-endpoints.ts";

/** OpenAI's organization API (reference/openai.md) below `/openai`. */
export const openai: Provider = {
  name: "openai",
  keyForms,
  routes: [
    route("/v1/models", models),
    route("/v1/organization/costs", costs),
    route("/v1/organization/projects", projects),
    route("/v1/organization/projects/{id}/api_keys", projectKeys),
    route("/v1/organization/admin_api_keys", adminKeys),
    ...usageEndpoints.map((endpoint) =>
      route(`/v1/organization/usage/${endpoint.name}`, (call) => usage(call, endpoint)),
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

function route(path: string, answer: (call: AuthorizedCall) => Answer): Route {
  return {
    path,
    answer: (call) => {
      try {
        return answer(call);
      } catch (error) {
        if (error instanceof Refusal) return error.answer;
        throw error;
      }
    },
  };
}
