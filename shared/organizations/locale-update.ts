import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { loadMinorDigits, type MinorDigits, minorDigits } from "#shared/money/currencies.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { changedLocale, type Locales, localeProblems, locales } from "./locale.ts";
import { localeAnswer, localeFields, type OrgDocument } from "./organization.ts";
import {
  type ReadOrganization,
  readOrganization,
  refuseOtherVersion,
  storeOrganization,
} from "./organization-store.ts";

const optional = Type.Optional;
const text = optional(plainText(1, 100));

export const LocaleUpdate = strictObject({
  default_currency: text,
  default_country: text,
  default_language: text,
  default_timezone: text,
  fiscal_year_start_month: optional(Type.Integer({ minimum: 1, maximum: 12 })),
  date_format: text,
  version: optional(Type.Integer({ minimum: 1, description: "The version the caller has seen" })),
});
export type LocaleUpdate = Static<typeof LocaleUpdate>;

export const LocaleAnswer = strictObject({
  org_slug: Type.String(),
  ...localeFields,
  currency_symbol: Type.String(),
  currency_name: Type.String(),
  currency_decimals: Type.Integer(),
  rtl: Type.Boolean(),
  version: Type.Integer(),
});
export type LocaleAnswer = Static<typeof LocaleAnswer>;

/** What follows the organization's zone: reads in its transaction, and answers what it writes. */
type WhenZoneChanges = (org: OrgIdentity, zone: string, change: Change) => Promise<() => void>;

interface Lists {
  lists: Locales;
  digits: MinorDigits;
}

export async function readLocale(org: OrgIdentity, documents: Documents): Promise<LocaleAnswer> {
  const [read, known] = await Promise.all([readOrganization(org, documents), knownLists()]);
  return answerOf(read, known);
}

/**
 * Changes the members that the request names. No stored amount changes: currency and zone are part of every read.
 * Throws `VERSION_CONFLICT`, `INVALID_BODY`. Source: `organizations.md` 3.
 */
export async function updateLocale(
  asked: { org: OrgIdentity; request: LocaleUpdate; whenZoneChanges?: WhenZoneChanges },
  effects: Effects<LocaleAnswer>,
): Promise<LocaleAnswer> {
  const { org, request } = asked;
  const known = await knownLists();
  return effects.commit(async (change) => {
    const read = await readOrganization(org, change);
    await effects.prepare(change);
    refuseOtherVersion(request.version, read);
    const locale = changedLocale(read.org.locale, request);
    const fields = localeProblems(locale, known.lists);
    if (fields.length > 0) throw new AppError("INVALID_BODY", "The locale is not valid; fields tells why.", { fields });
    const [before, after] = [localeAnswer(read.org.locale), localeAnswer(locale)];
    const hasMoved = after.default_timezone !== before.default_timezone;
    const moved = hasMoved ? await asked.whenZoneChanges?.(org, after.default_timezone, change) : undefined;
    const isSame = JSON.stringify(before) === JSON.stringify(after);
    const next: OrgDocument = { ...read.org, locale };
    const answer = answerOf(isSame ? read : storeOrganization(read, next, change), known);
    moved?.();
    effects.conclude(change, answer, {
      resourceId: org.orgId,
      details: { old: before, new: after },
      isAudited: isSame,
    });
    return answer;
  });
}

async function knownLists(): Promise<Lists> {
  const [lists, digits] = await Promise.all([locales(), loadMinorDigits()]);
  return { lists, digits };
}

function answerOf({ org, version }: ReadOrganization, { lists, digits }: Lists): LocaleAnswer {
  const { defaultCurrency, defaultLanguage } = org.locale;
  const currency = lists.currencies[defaultCurrency];
  return {
    org_slug: org.slug,
    ...localeAnswer(org.locale),
    currency_symbol: currency?.symbol ?? defaultCurrency,
    currency_name: currency?.name ?? defaultCurrency,
    currency_decimals: minorDigits(digits, defaultCurrency),
    rtl: lists.languages[defaultLanguage]?.rtl ?? false,
    version,
  };
}
