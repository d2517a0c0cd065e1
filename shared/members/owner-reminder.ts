import { mailMessage } from "#shared/mail/mail-message.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import { type TimerDocument, timerPath } from "#shared/timers/timers.ts";
import { type InviteDocument, invitePath, isOpen } from "./invite.ts";
import { activeOrganization } from "./members-store.ts";

/** Timer of one owner invite: its mail is sent once more when nobody has taken the organization over. */
export const ownerReminderTimer = "owner-invite-reminder";

const reminderMilliseconds = 7 * 86_400_000;

/** Sets the reminder of a fresh owner invite. One for each invite: an older one finds its own ended and does nothing. */
export function remindLater({ inviteId, org }: InviteDocument, now: Date, change: Change): void {
  const dueAt = new Date(now.getTime() + reminderMilliseconds).toISOString();
  const timer: TimerDocument = { kind: ownerReminderTimer, org, dueAt, payload: { invite_id: inviteId } };
  change.create<TimerDocument>(timerPath(ownerReminderTimer, inviteId), timer);
}

/** Reminds whom the operator has invited to own an organization, once, after 7 days, if the invite is open still. */
export async function remindOwner(
  { org: key, payload }: TimerDocument,
  change: Change,
  { ids }: Pick<Surroundings, "ids">,
): Promise<Settled> {
  if (key === null) return "done";
  const organization = await activeOrganization(key, change);
  const { body: invite, readAt } = await change.get<InviteDocument>(invitePath(key, String(payload["invite_id"])));
  if (organization === undefined || invite === undefined || !isOpen(invite, readAt)) return "done";
  const { slug, orgId, companyName: company, locale } = organization;
  const mail = { name: "owner-invite-reminder" as const, to: invite.email, values: { company } };
  change.publish(mailMessage({ ...mail, language: locale.defaultLanguage }, ids), { slug, key, orgId });
  return "done";
}
