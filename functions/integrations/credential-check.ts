import { CredentialCheck } from "#shared/integrations/credential-refusal.ts";
import { checkRefused } from "#shared/integrations/refused-credential.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "credential-check",
  message: CredentialCheck,
  uses: ["documents", "keys", "topics"],
  handle: ({ payload }, given) => checkRefused(payload, given),
});
