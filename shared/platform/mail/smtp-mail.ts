import type { Transporter } from "nodemailer";
import { AppError } from "#shared/runtime/errors.ts";
import { checkLetter, refused } from "./letter-rules.ts";
import type { Mail } from "./mail.ts";

const connectMilliseconds = 10_000;
const answerMilliseconds = 20_000;

/**
 * A mail server, `smtp://` or `smtps://` with user and password in the address. Plain SMTP to another machine is upgraded
 * by STARTTLS or refused: sign-in links must not travel in the clear.
 */
export function smtpMail(options: { url: string; from: string }): Mail {
  const { url, from } = options;
  let transporter: Promise<Transporter> | undefined;
  return {
    async send(letter) {
      checkLetter(letter);
      transporter ??= connectTo(url);
      const { id, to, subject, text } = letter;
      const mail = { from, to: { name: "", address: to }, subject, text, messageId: messageIdOf(id, from) };
      const headers = { "Auto-Submitted": "auto-generated" };
      await (await transporter)
        .sendMail({ ...mail, headers, disableFileAccess: true, disableUrlAccess: true })
        .catch((error: unknown) => {
          throw failureOf(error);
        });
    },
    kept: async () => [],
  };
}

async function connectTo(url: string): Promise<Transporter> {
  // A CommonJS package in a bundle has no names but `default`.
  const { createTransport } = (await import("nodemailer")).default;
  const { protocol, hostname, port, username, password } = new URL(url);
  const isSecure = protocol === "smtps:";
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
  return createTransport({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (isSecure ? 465 : 587) : Number(port),
    secure: isSecure,
    requireTLS: !isSecure && !isLocal,
    ...(username === "" ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    connectionTimeout: connectMilliseconds,
    greetingTimeout: connectMilliseconds,
    socketTimeout: answerMilliseconds,
  });
}

/** The same for the same mail, so that a receiver recognises one that is sent again. */
function messageIdOf(id: string, from: string): string {
  const domain = /@([^@\s>]+)>?$/.exec(from)?.[1] ?? "localhost";
  return `<${id}@${domain}>`;
}

/** 5xx of the server about sender, receiver or content is final; everything else may pass. */
function failureOf(cause: unknown): AppError {
  const { responseCode, code } = cause as { responseCode?: number; code?: string };
  const isFinal = (responseCode ?? 0) >= 500 && (code === "EENVELOPE" || code === "EMESSAGE");
  if (isFinal) return refused("the mail server refuses it for good", withoutSecrets(cause));
  return new AppError("MAIL_UNAVAILABLE", "The mail server cannot be reached or does not take mails now.", {
    retryable: true,
    cause: withoutSecrets(cause),
  });
}

/** A server's answer may quote what it was sent: only its code is kept. */
function withoutSecrets(cause: unknown): Error {
  const { code, responseCode, command } = cause as { code?: string; responseCode?: number; command?: string };
  return new Error(`SMTP ${code ?? "failure"} ${responseCode ?? ""} at ${command ?? "?"}`);
}
