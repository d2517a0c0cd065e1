import { AppError } from "#shared/runtime/errors.ts";
import type { Letter } from "./mail.ts";

const idPattern = /^[A-Za-z0-9_-]{1,100}$/;
const addressPattern = /^[^@\s<>,;:"]+@[^@\s<>,;:"]+$/;

/** Throws `MAIL_REFUSED` for what no transport may be handed: more than one receiver, a header in the subject. */
export function checkLetter({ id, to, subject }: Letter): void {
  if (!idPattern.test(id)) throw refused("its id is none");
  if (to.length > 254 || !addressPattern.test(to)) throw refused("its receiver is not one address");
  if (subject === "" || /\p{Cc}/u.test(subject)) throw refused("its subject is not one line");
}

export function refused(why: string, cause?: unknown): AppError {
  return new AppError("MAIL_REFUSED", `The mail is not taken: ${why}.`, { cause });
}
