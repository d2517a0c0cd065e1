import { MailRequest } from "#shared/mail/mail-message.ts";
import { sendMail } from "#shared/mail/send-mail.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "mail",
  message: MailRequest,
  uses: ["keys", "mail"],
  handle: ({ payload }, given) => sendMail(payload, given),
});
