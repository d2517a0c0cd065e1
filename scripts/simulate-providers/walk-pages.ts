import { isLosslessNumber, parse } from "lossless-json";

/** A client of the tests: it reads numbers from their text, as a careful caller would. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed JSON with every number as its literal text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes, and a wrong shape fails them
  readonly body: any;
}

export type Query = Readonly<Record<string, string | number | readonly string[]>>;

/** What a call is sent with: a bearer token, or the headers of a vendor that carries its key elsewhere. */
export type Key = string | Readonly<Record<string, string>>;

/** One GET. Arrays are written bare; pass `name[]` for the bracketed form. */
export async function get(url: string, query: Query = {}, key: Key = "sk-admin-sim-example"): Promise<Reply> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const address = search.size === 0 ? url : `${url}?${search}`;
  const headers = typeof key === "string" ? { authorization: `Bearer ${key}` } : { ...key };
  const response = await fetch(address, { headers, redirect: "manual" });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, headers: response.headers, text, body: isJson ? literals(text) : undefined };
}

/** All buckets of a paged endpoint, in the order of its pages. */
export async function walk(url: string, query: Query, key?: Key): Promise<Reply["body"][]> {
  const buckets: Reply["body"][] = [];
  let page: string | null = null;
  do {
    const reply: Reply = await get(url, page === null ? query : { ...query, page }, key);
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
    buckets.push(...reply.body.data);
    page = reply.body.next_page;
  } while (page !== null);
  return buckets;
}

/** Unix seconds of a UTC day. */
export function secondsOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

/** Parses JSON, each number becoming its text. */
export function literals(text: string): Reply["body"] {
  return parse(text, (_key, value) => (isLosslessNumber(value) ? value.toString() : value));
}

/** A control call; a body is sent as JSON. */
export async function control(url: string, method: string, path: string, body?: unknown): Promise<Reply["body"]> {
  const response = await fetch(`${url}/__sim${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return literals(text);
}
