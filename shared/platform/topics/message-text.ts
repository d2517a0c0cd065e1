import { AppError } from "#shared/runtime/errors.ts";
import type { Message } from "./topics.ts";

const maximumPayloadBytes = 256 * 1024;
/** Google's limits per message: https://cloud.google.com/pubsub/quotas#resource_limits */
const maximumAttributes = 100;
const maximumAttributeNameBytes = 256;
const maximumAttributeValueBytes = 1024;

/**
 * The payload as the JSON text that travels. Throws `MESSAGE_MALFORMED` for what JSON cannot say and for attributes the
 * broker would refuse, `MESSAGE_TOO_LARGE` above 256 KiB; checked alike in both platforms, before anything is sent.
 */
export function messageText(message: Message): string {
  checkAttributes(message);
  const text = jsonText(message);
  if (Buffer.byteLength(text) > maximumPayloadBytes) {
    throw new AppError("MESSAGE_TOO_LARGE", `A message for topic ${message.topic} is larger than 256 KiB.`);
  }
  return text;
}

function jsonText({ topic, payload }: Message): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (cause) {
    throw new AppError("MESSAGE_MALFORMED", `The payload for topic ${topic} cannot be written as JSON.`, { cause });
  }
  if (text === undefined)
    throw new AppError("MESSAGE_MALFORMED", `The payload for topic ${topic} is not a JSON value.`);
  return text;
}

function checkAttributes({ topic, attributes }: Message): void {
  const entries = Object.entries(attributes);
  const refused = entries.find(([name, value]) => !isAttribute(name, value));
  if (refused !== undefined) {
    throw new AppError(
      "MESSAGE_MALFORMED",
      `The attribute ${refused[0]} for topic ${topic} is not allowed or too long.`,
    );
  }
  if (entries.length > maximumAttributes) {
    throw new AppError(
      "MESSAGE_MALFORMED",
      `A message for topic ${topic} has more than ${maximumAttributes} attributes.`,
    );
  }
}

function isAttribute(name: string, value: unknown): boolean {
  return (
    typeof value === "string" &&
    name !== "" &&
    !name.startsWith("goog") &&
    Buffer.byteLength(name) <= maximumAttributeNameBytes &&
    Buffer.byteLength(value) <= maximumAttributeValueBytes
  );
}
