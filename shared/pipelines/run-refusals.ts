import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { hasPlans } from "#shared/saas-plans/plan-store.ts";
import type { Pipeline } from "./pipeline.ts";

/** Throws `PIPELINE_DISABLED`. */
export function refuseDisabled({ config }: Pipeline): void {
  if (!config.enabled) throw new AppError("PIPELINE_DISABLED", "This pipeline is not enabled.");
}

/** Throws `INTEGRATION_NOT_CONFIGURED` for a pipeline that charges plans where the organization has none. */
export async function refuseWithoutPlans({ config }: Pipeline, org: OrgIdentity, documents: Documents): Promise<void> {
  if (config.requires.saas_plans !== true || (await hasPlans(org, documents))) return;
  throw new AppError("INTEGRATION_NOT_CONFIGURED", "Add a plan first: there is nothing that could cost anything.");
}
