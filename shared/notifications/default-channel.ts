import { domainToASCII } from "node:url";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgKeysDocument, sealUnder } from "#shared/access/org-keys.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import {
  type ChannelAddresses,
  type ChannelDocument,
  channelCollection,
  channelContext,
  channelHistory,
} from "./channel.ts";

/** A channel with the addresses that are sealed in it. */
export interface PreparedChannel {
  channel: ChannelDocument;
  addresses: ChannelAddresses;
}

/**
 * The channel an organization begins with: mail to one address. To be made before a transaction, because sealing asks the
 * key service; `orgKeys`: the organization's, stored or about to be. Undefined where there is nobody to write to.
 */
export async function preparedChannel(
  { orgId }: Pick<OrgIdentity, "orgId">,
  about: { address: string; orgKeys: OrgKeysDocument },
  given: { keys: Keys } & Pick<Surroundings, "ids">,
): Promise<PreparedChannel | undefined> {
  if (about.address === "") return undefined;
  const addresses: ChannelAddresses = { emailRecipients: [mailboxOf(about.address)], emailCcRecipients: [] };
  const bound = { orgId, channelId: given.ids.newId("chn"), secretVersion: 1 };
  const what = { orgId, plaintext: JSON.stringify(addresses), context: channelContext(bound) };
  const channel: ChannelDocument = {
    ...bound,
    name: "default",
    channelType: "email",
    isDefault: true,
    isActive: true,
    disabledReason: null,
    sealed: await sealUnder(about.orgKeys, what, given),
    emailSubjectPrefix: null,
    createdBy: "system",
    updatedBy: null,
  };
  return { channel, addresses };
}

/**
 * Writes the channel with its history row, unless the organization has a default channel: that one may be what people have
 * made of it. Reads before it answers what writes. Source: `organizations.md` 3.
 */
export async function defaultChannel(
  org: OrgIdentity,
  prepared: PreparedChannel | undefined,
  tx: Pick<Transaction, "list">,
): Promise<(change: Change) => void> {
  const { documents } = await tx.list<ChannelDocument>({
    collection: channelCollection(org),
    filters: [{ field: "isDefault", is: "==", value: true }],
    limit: 1,
  });
  const isThere = documents.length > 0;
  return (change) => {
    if (prepared === undefined || isThere) return;
    const { channel } = prepared;
    change.create<ChannelDocument>(`${channelCollection(org)}/${channel.channelId}`, channel);
    const at = { version: 1, createdAt: change.now.toISOString(), now: change.now };
    change.history(channelHistory(org, prepared, at));
  };
}

/** Lower case, the domain as name servers know it; one that they could not know stays as it is. */
function mailboxOf(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  return `${address.slice(0, at)}@${domainToASCII(domain) || domain}`.toLowerCase();
}
