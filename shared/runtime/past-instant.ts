import { AppError } from "./errors.ts";

const instantForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * The moment that a query parameter names: RFC 3339 as sent, or the end of a UTC day; of today it is now. Whatever states
 * no offset is refused: it would mean another moment in every time zone. Throws `INVALID_PARAMETER`, also for the future.
 */
export function pastInstant(name: string, text: string, now: Date): string {
  if (text === now.toISOString().slice(0, 10)) return now.toISOString();
  const instant = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text;
  const at = Date.parse(instant);
  if (!instantForm.test(instant) || !isRealDay(text.slice(0, 10)) || !Number.isFinite(at))
    throw refusedMoment(name, "must be a day or an instant");
  if (at > now.getTime()) throw refusedMoment(name, "must not lie in the future");
  return instant;
}

function isRealDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return Number.isFinite(at.getTime()) && at.toISOString().startsWith(day);
}

function refusedMoment(name: string, problem: string): AppError {
  return new AppError("INVALID_PARAMETER", `${name} ${problem}.`, { fields: [{ path: `/${name}`, problem }] });
}
