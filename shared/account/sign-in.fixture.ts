import { expect } from "vitest";
import type { Host } from "#scripts/start/host.ts";

export interface Browser {
  /** Name and value, as the browser sends it. */
  cookie: string;
  csrf: string;
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

/** One request over HTTP as JSON. */
export async function call(
  url: string,
  method: string,
  path: string,
  sent: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { ...sent.headers },
    ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
  });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}

/** The token in the newest mail to the address, taken from the link's fragment. */
export async function mailedToken(host: Host, rootKey: string, to: string): Promise<string> {
  return new URLSearchParams(new URL(await mailedLink(host, rootKey, to)).hash.slice(1)).get("token") ?? "";
}

export async function mailedLink(host: Host, rootKey: string, to: string): Promise<string> {
  await host.idle();
  const path = `/api/v1/admin/dev/mail?limit=1&to=${encodeURIComponent(to)}`;
  const { body } = await call(host.url, "GET", path, { headers: { "x-ca-root-key": rootKey } });
  const [mail] = body["mails"] as { text: string }[];
  const link = /https?:\/\/\S+/.exec(mail?.text ?? "")?.[0];
  if (link === undefined) throw new Error(`no link was mailed to ${to}: ${JSON.stringify(body)}`);
  return link;
}

/** A person's whole way in: asks for a link, reads the mail, spends the token. */
export async function signInOver(host: Host, rootKey: string, email: string): Promise<Browser> {
  const asked = await call(host.url, "POST", "/api/v1/auth/magic-link", { body: { email } });
  expect([asked.status, asked.body]).toEqual([202, { status: "sent" }]);
  const token = await mailedToken(host, rootKey, email);
  const verified = await call(host.url, "POST", "/api/v1/auth/magic-link/verify", { body: { token } });
  expect(verified.status, JSON.stringify(verified.body)).toBe(200);
  return { cookie: cookieIn(verified), csrf: String(verified.body["csrf_token"]) };
}

export function cookieIn({ headers }: Answer): string {
  return headers.get("set-cookie")?.split(";")[0] ?? "";
}

/** What the console sends with a request that changes something. */
export function ofConsole({ cookie, csrf }: Browser): Record<string, string> {
  return { cookie, "x-csrf-token": csrf };
}
