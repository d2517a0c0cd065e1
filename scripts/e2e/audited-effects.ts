import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import type { AuditDetails, Effects } from "#shared/runtime/declaration.ts";

/** What an endpoint is given by the runtime, without a request: every conclusion leaves its audit row. */
export function auditedEffects<T>(
  action: string,
  ports: Pick<EnginePorts, "documents" | "topics" | "clock" | "ids">,
): Effects<T> {
  const record = (change: Change, overrides: AuditDetails = {}): void =>
    change.audit({
      org: overrides.org,
      actorKind: "root",
      apiKeyId: null,
      userId: null,
      action: overrides.action ?? action,
      operation: "EXECUTE",
      resourceType: "test",
      resourceId: overrides.resourceId ?? null,
      details: overrides.details ?? null,
      ipAddress: null,
      userAgent: null,
      requestId: "req_test",
      status: "SUCCESS",
      errorMessage: null,
    });
  return {
    commit: (body) => commitChange(body, ports),
    prepare: async () => {},
    conclude: (change, _answer, overrides = {}) => {
      if (overrides.isAudited !== true) record(change, overrides);
    },
    audit: record,
  };
}
