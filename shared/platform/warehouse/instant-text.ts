const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const INSTANT =
  /^(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const SECONDS_PER_DAY = 86_400;
const FIRST_SECOND = (epochDayOf("0001-01-01") as number) * SECONDS_PER_DAY;
const LAST_SECOND = (epochDayOf("9999-12-31") as number) * SECONDS_PER_DAY + SECONDS_PER_DAY - 1;

/** Days since 1970-01-01 of a calendar day `YYYY-MM-DD`, years 0001 to 9999; undefined when there is no such day. */
export function epochDayOf(text: string): number | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isReal = year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isReal ? date.getTime() / (SECONDS_PER_DAY * 1000) : undefined;
}

/**
 * Microseconds since the epoch, as decimal text, of an RFC 3339 instant with offset. Finer digits are cut off.
 * Undefined when the text has no offset, is no real time, or lies outside the years 0001 to 9999 UTC.
 */
export function epochMicrosecondsOf(text: string): string | undefined {
  const match = INSTANT.exec(text);
  if (!match) return undefined;
  const day = epochDayOf(match[1] ?? "");
  if (day === undefined) return undefined;
  const offset = (match[6] === "-" ? -1 : 1) * (Number(match[7] ?? 0) * 3600 + Number(match[8] ?? 0) * 60);
  const clock = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4]);
  const seconds = day * SECONDS_PER_DAY + clock - offset;
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND) return undefined;
  return withMicroseconds(seconds, Number((match[5] ?? "").slice(0, 6).padEnd(6, "0")));
}

/** From the year 2255 on, microseconds no longer fit a double exactly. */
function withMicroseconds(seconds: number, microseconds: number): string {
  const sum = seconds * 1_000_000 + microseconds;
  return Number.isSafeInteger(sum) ? String(sum) : String(BigInt(seconds) * 1_000_000n + BigInt(microseconds));
}
