import type { OrgDocument } from "#shared/organizations/organization.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type BillingAccount, billingAccountPath } from "./account.ts";

/** The three documents that say how an organization stands, as one commit left them. */
interface Told {
  org: OrgDocument | undefined;
  record: SubscriptionDocument | undefined;
  account: BillingAccount | undefined;
}

/** Where organization, subscription record and billing account contradict each other. */
export function contradictions({ org, record, account }: Told): string[] {
  if (record === undefined || account === undefined)
    return record === account ? [] : [`record ${record?.status}, account ${account?.mode}`];
  const { status, trialEndsAt, endDate } = record;
  const isCharged = (record.stripe?.subscriptionId ?? null) !== null;
  const isTrial = status === "TRIAL";
  const checks: [what: string, isTold: boolean][] = [
    ["company", account.orgId === org?.orgId],
    ["trial used", (account.trialUsedAt !== null) === org?.trialUsed],
    ["a trial that runs is used", !isTrial || account.trialUsedAt !== null],
    ["who charges is Stripe", !isCharged || account.mode === "stripe"],
    ["what is over has nothing ahead", status !== "CANCELLED" || (account.scheduledPlan ?? account.cancelsAt) === null],
    ["no change without its day", (account.scheduledPlan === null) === (account.scheduledAt === null)],
  ];
  if (isCharged) return faults(checks);
  const stripes = [account.interval, account.lookupKey, account.unknownPrice, account.pastDueSinceAt];
  const lastDay = account.cancelsAt === null ? null : new Date(Date.parse(account.cancelsAt) - 1).toISOString();
  return faults([
    ...checks,
    ["nothing of Stripe's is left", stripes.every((value) => value === null) && account.extraSeats === 0],
    ["nothing is scheduled", account.scheduledPlan === null],
    ["the period begins with the trial", account.periodStartAt === (isTrial ? account.trialUsedAt : null)],
    ["the period ends with the trial", account.periodEndAt === (isTrial ? trialEndsAt : null)],
    ["the contract's end", (lastDay?.slice(0, 10) ?? null) === (status === "CANCELLED" ? null : endDate)],
  ]);
}

function faults(checks: [what: string, isTold: boolean][]): string[] {
  return checks.flatMap(([what, isTold]) => (isTold ? [] : [what]));
}

/** A store that reads the three documents of an organization after every commit; `heard` holds what contradicted itself. */
export function listeningDocuments(
  documents: Documents,
  orgKey: () => string,
): { documents: Documents; heard: string[] } {
  const heard: string[] = [];
  const trials = new Map<string, string>();
  const listen = async (): Promise<void> => {
    const key = orgKey();
    const paths = [`orgs/${key}`, subscriptionPath({ key }), billingAccountPath({ key })];
    const [org, record, account] = (await documents.getAll<object>(paths)).map(({ body }) => body);
    const told = { org, record, account } as Told;
    const { orgId = "", trialUsedAt = null } = told.account ?? {};
    const known = trials.get(orgId) ?? trialUsedAt;
    if (known !== trialUsedAt) heard.push(`${key}: the trial of ${known} is now of ${trialUsedAt}`);
    if (known !== null) trials.set(orgId, known);
    for (const fault of contradictions(told)) heard.push(`${key}: ${fault} ${JSON.stringify([record, account])}`);
  };
  const transaction: Documents["transaction"] = async (body) => {
    const result = await documents.transaction(body);
    await listen();
    return result;
  };
  return { documents: { ...documents, transaction }, heard };
}
