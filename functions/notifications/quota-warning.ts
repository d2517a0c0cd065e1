import { sendQuotaWarning } from "#shared/notifications/quota-warning-mail.ts";
import { QuotaWarning } from "#shared/quotas/quota-warning.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "quota-warning",
  message: QuotaWarning,
  uses: ["documents", "topics"],
  handle: ({ payload }, given) => sendQuotaWarning(payload, given),
});
