import { mailMessage } from "#shared/mail/mail-message.ts";
import { activeOrganization } from "#shared/members/members-store.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { QuotaWarning } from "#shared/quotas/quota-warning.ts";
import { commitChange } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { noteOnce } from "./notice.ts";
import { leadersOf } from "./receivers.ts";

const kind = "quota-warning";

/**
 * Mails a quota warning to the owner and the admins, on every plan, once for each limit, period and level however often
 * the message comes. An organization that has ended is told nothing. Source: `organizations.md` 6.
 */
export async function sendQuotaWarning(
  warning: QuotaWarning,
  given: { documents: Documents; topics: Topics } & Pick<Surroundings, "clock" | "ids">,
): Promise<void> {
  const { org: key, limit, period, level, used, limit_value, percent } = warning;
  const leaders = await leadersOf(key, given.documents);
  if (leaders === undefined) return;
  const { company, receivers } = leaders;
  const values = { company, period, used: `${used}`, limit_value: `${limit_value}`, percent: `${percent}` };
  const data = { limit, period, level, used, limit_value, percent };
  await commitChange(async (change) => {
    const organization = await activeOrganization(key, change);
    if (organization === undefined) return;
    const org = { slug: organization.slug, key, orgId: organization.orgId };
    // Of a slug that has gone to another company the older one's notices must not silence the new one's.
    const id = `${organization.orgId}:${limit}:${period}:${level}`;
    if (!(await noteOnce(key, { kind, id, data, receivers: receivers.length }, change))) return;
    for (const receiver of receivers)
      change.publish(mailMessage({ name: `quota-warning-${limit}`, ...receiver, values }, given.ids), org);
  }, given);
}
