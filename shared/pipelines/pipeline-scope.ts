import type { OrgIdentity } from "#shared/access/caller.ts";
import { isPlatformScope } from "#shared/access/platform-scope.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Pipeline } from "./pipeline.ts";

/**
 * Pipelines of the platform are nobody's but its own, those of organizations are none of its: where they do not belong
 * they are unknown. Throws `PIPELINE_NOT_FOUND`. Source: `pipelines.md` 1, `scope`.
 */
export function refuseOtherScope({ config }: Pick<Pipeline, "config">, org: Pick<OrgIdentity, "key">): void {
  if ((config.scope === "platform") === isPlatformScope(org)) return;
  throw new AppError("PIPELINE_NOT_FOUND", "There is no such pipeline.");
}
