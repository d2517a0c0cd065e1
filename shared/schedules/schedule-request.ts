import { type Static, Type } from "@sinclair/typebox";
import { isTimeZone } from "#shared/organizations/locale.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { checkedCron, shortestGapMinutes } from "./cron.ts";
import { intervalShare } from "./fire.ts";

const optional = Type.Optional;
const word = optional(Type.String({ maxLength: 60 }));

const changeable = {
  timezone: optional(plainText(1, 60, { description: "IANA zone; without one, or with `org`, the organization's" })),
  is_active: optional(Type.Boolean()),
  priority: optional(Type.Integer({ minimum: 1, maximum: 10 })),
  parameters: optional(Type.Record(Type.String({ maxLength: 50 }), Type.Unknown(), { maxProperties: 10 })),
};

export const ScheduleRequest = strictObject({
  pipeline_id: optional(Type.String({ maxLength: 200 })),
  provider: word,
  domain: word,
  pipeline_template: word,
  schedule_cron: Type.String({ maxLength: 100 }),
  credential_id: optional(nullable(Type.String({ maxLength: 100 }))),
  ...changeable,
});
export type ScheduleRequest = Static<typeof ScheduleRequest>;

export const ScheduleUpdate = strictObject({
  schedule_cron: optional(Type.String({ maxLength: 100 })),
  ...changeable,
  version: optional(Type.Integer({ minimum: 1, description: "The version the caller has seen" })),
});
export type ScheduleUpdate = Static<typeof ScheduleUpdate>;

/** The address or id of the pipeline that a request names. */
export function addressOf({ pipeline_id, provider, domain, pipeline_template }: ScheduleRequest): string {
  return (
    pipeline_id ?? [provider, domain, pipeline_template].filter((part) => part !== undefined && part !== "").join("/")
  );
}

/** The zone of a schedule: a named one, or the organization's. Throws `INVALID_BODY`. */
export function zoneOf(asked: string | undefined, orgZone: string): { timezone: string; isOrgZone: boolean } {
  if (asked === undefined || asked === "org") return { timezone: orgZone, isOrgZone: true };
  if (isTimeZone(asked)) return { timezone: asked, isOrgZone: false };
  throw new AppError("INVALID_BODY", "timezone must be an IANA time zone.", {
    fields: [{ path: "/timezone", problem: "must be an IANA time zone" }],
  });
}

/** The cron text with its shortest distance. Throws `INVALID_CRON`, `SCHEDULE_NEVER_FIRES`, `SCHEDULE_TOO_FREQUENT`. */
export function cronOf(
  text: string,
  /** Minutes between two runs, at least, as the plan has it. */
  interval: number,
  now: Date,
): { cron: string; shortestGapMinutes: number } {
  const cron = checkedCron(text);
  const gap = shortestGapMinutes(cron, now, intervalShare * interval);
  if (gap >= intervalShare * interval) return { cron, shortestGapMinutes: gap };
  throw new AppError(
    "SCHEDULE_TOO_FREQUENT",
    `The plan allows one run in ${interval} minutes; this is one in ${gap}.`,
    {
      fields: [{ path: "/schedule_cron", problem: `fires every ${gap} minutes` }],
    },
  );
}
