import type { PresentedCredentials } from "#shared/access/verify.ts";
import { unauthenticated } from "#shared/access/verify.ts";
import { type Configuration, callerAuthorization, corsOrigins, isDevelopment } from "./config.ts";
import { clientAddress, header, type RawRequest } from "./request.ts";

/** What a request says of the program and the page that sent it, beside its credential. */
export interface Client {
  /** As seen through as many proxies as the operator vouches for. */
  address: string;
  userAgent: string | null;
  /** The token of an `Authorization: Bearer`, whoever issued it; not verified. */
  bearer: string | undefined;
  /** The value of the session cookie; not verified. */
  cookie: string | undefined;
  /** Another site's page sent it: such a request neither begins a session nor uses one. */
  isForeign: boolean;
  /** Over plain http on this machine, on a development installation: the one place where a cookie may go without TLS. */
  isPlainLoopback: boolean;
}

const userAgentLength = 300;
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);

export function clientOf(raw: RawRequest, config: Configuration): Client {
  const isPlainLoopback = isDevelopment(config) && loopbackHost.test(header(raw.headers, "host") ?? "");
  return {
    address: clientAddress(raw, config.TRUSTED_PROXY_HOPS),
    userAgent: header(raw.headers, "user-agent")?.slice(0, userAgentLength) ?? null,
    bearer: bearerOf(raw, config),
    cookie: cookieOf(raw, sessionCookieName({ isPlainLoopback })),
    isForeign: isForeign(raw, config),
    isPlainLoopback,
  };
}

/** The session cookie's name; without TLS a browser keeps no `__Host-` cookie. Source: `organizations.md` 8. */
export function sessionCookieName({ isPlainLoopback }: Pick<Client, "isPlainLoopback">): string {
  return isPlainLoopback ? "ca_session" : "__Host-ca_session";
}

/** `Set-Cookie` of a session, or with an empty value of its end. */
export function sessionCookie(value: string, maxAgeSeconds: number, client: Pick<Client, "isPlainLoopback">): string {
  const secure = client.isPlainLoopback ? "" : " Secure;";
  return `${sessionCookieName(client)}=${value}; Path=/; HttpOnly;${secure} SameSite=Lax; Max-Age=${maxAgeSeconds}`;
}

/** Every credential of ours that the request carries. A credential sent twice is none: 401. */
export function presentedOf(raw: RawRequest, client: Client): PresentedCredentials {
  const rootKey = raw.headers["x-ca-root-key"];
  const apiKey = raw.headers["x-api-key"];
  if (Array.isArray(rootKey) || Array.isArray(apiKey)) throw unauthenticated();
  const provenance = {
    isSafe: safeMethods.has(raw.method),
    csrfToken: header(raw.headers, "x-csrf-token"),
    isForeign: client.isForeign,
  };
  return {
    rootKey,
    apiKey,
    bearer: client.bearer,
    cookie: client.cookie === undefined ? undefined : { value: client.cookie, ...provenance },
  };
}

function bearerOf(raw: RawRequest, config: Configuration): string | undefined {
  const value = header(raw.headers, callerAuthorization(config));
  return value === undefined ? undefined : /^Bearer +(\S+)$/i.exec(value)?.[1];
}

/** The cookie's value; of two with one name neither is any session's. */
function cookieOf(raw: RawRequest, name: string): string | undefined {
  const pairs = (header(raw.headers, "cookie") ?? "").split(";").map((pair) => pair.trim());
  const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  return values[0] === "" ? undefined : values.join(" ") || undefined;
}

function isForeign(raw: RawRequest, config: Configuration): boolean {
  if (header(raw.headers, "sec-fetch-site") === "cross-site") return true;
  const origin = header(raw.headers, "origin");
  return origin !== undefined && !isOwnOrigin(origin, raw, config);
}

/** The console's, one that CORS names, or the very host that the request went to. */
function isOwnOrigin(origin: string, raw: RawRequest, config: Configuration): boolean {
  if (corsOrigins(config).includes(origin)) return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined) return false;
  const console = config.CONSOLE_URL === undefined ? undefined : new URL(config.CONSOLE_URL).origin;
  return origin === console || url.host === header(raw.headers, "host");
}
