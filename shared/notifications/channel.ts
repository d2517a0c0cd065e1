import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Sealed } from "#shared/platform/keys/keys.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";

/**
 * Document `orgs/{key}/channels/{channelId}`: where notifications go. The addresses are sealed under the organization's own
 * key, so that they are gone with it. Source: `budgets-alerts-notifications.md` 5.2.
 */
export interface ChannelDocument {
  channelId: string;
  orgId: string;
  name: string;
  channelType: "email";
  /** One of those that rules mean by `default`. */
  isDefault: boolean;
  isActive: boolean;
  /** Why the platform has switched it off. */
  disabledReason: string | null;
  /** JSON of `ChannelAddresses`. */
  sealed: Sealed;
  /** Of the sealed value; part of what it is bound to. */
  secretVersion: number;
  emailSubjectPrefix: string | null;
  createdBy: string;
  updatedBy: string | null;
}

/** What is sealed of a mail channel. */
export interface ChannelAddresses {
  /** Lower case, without repetitions. */
  emailRecipients: string[];
  emailCcRecipients: string[];
}

export function channelCollection(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/channels`;
}

/** Additional data of a channel's sealed value. */
export function channelContext({
  orgId,
  channelId,
  secretVersion,
}: Pick<ChannelDocument, "orgId" | "channelId" | "secretVersion">): string {
  return `v1|${orgId}|channel|${channelId}|${secretVersion}`;
}

/** A row of `org_notification_channels`: addresses of people, as the table has them, and nothing that lets anybody send. */
export function channelHistory(
  org: OrgIdentity,
  { channel, addresses }: { channel: ChannelDocument; addresses: ChannelAddresses },
  at: { version: number; createdAt: string; now: Date },
): HistoryEntry {
  return {
    table: "org_notification_channels",
    operation: at.version === 1 ? "CREATE" : "UPDATE",
    version: at.version,
    row: {
      channel_id: channel.channelId,
      org_slug: org.slug,
      channel_type: channel.channelType,
      name: channel.name,
      is_default: channel.isDefault,
      is_active: channel.isActive,
      email_recipients: addresses.emailRecipients,
      email_cc_recipients: addresses.emailCcRecipients,
      email_subject_prefix: channel.emailSubjectPrefix,
      slack_channel: null,
      slack_mention_users: [],
      webhook_host: null,
      webhook_method: null,
      created_at: at.createdAt,
      updated_at: at.now.toISOString(),
      created_by: channel.createdBy,
    },
  };
}
