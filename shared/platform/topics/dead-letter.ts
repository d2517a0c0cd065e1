/** Where messages go that used up their deliveries. */
export const deadLetterTopic = "dead-letter";

const prefix = "CloudPubSubDeadLetterSource";

/** What the in-process bus adds to a dead letter: the names of Pub/Sub, and the topic, which Pub/Sub leaves out. */
export function deadLetterAttributes(topic: string, publishTime: string, deliveries: number): Record<string, string> {
  return {
    [`${prefix}Topic`]: topic,
    [`${prefix}Subscription`]: topic,
    [`${prefix}TopicPublishTime`]: publishTime,
    [`${prefix}DeliveryCount`]: String(deliveries),
  };
}

/**
 * Where a dead letter comes from, on both platforms, and its own attributes as first published; undefined for a message
 * that no broker moved. Pub/Sub names only the subscription, and ours are named after their topic.
 */
export function deadLetterSource(
  attributes: Readonly<Record<string, string>>,
): { topic: string; deliveries: number; attributes: Record<string, string> } | undefined {
  const topic = attributes[`${prefix}Topic`] ?? attributes[`${prefix}Subscription`];
  if (topic === undefined) return undefined;
  const own = Object.entries(attributes).filter(([name]) => !name.startsWith(prefix));
  const deliveries = Number(attributes[`${prefix}DeliveryCount`] ?? 0);
  return { topic: lastSegment(topic), deliveries, attributes: Object.fromEntries(own) };
}

/** `projects/p/topics/t` -> `t`; a short name stays. */
export function lastSegment(resourceName: string): string {
  return resourceName.slice(resourceName.lastIndexOf("/") + 1);
}
