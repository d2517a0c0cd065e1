import { AppError } from "#shared/runtime/errors.ts";
import type { CalledSource } from "./public-sources.ts";

/** A list repeats its name: `{"group_by[]": ["a", "b"]}` is `group_by[]=a&group_by[]=b`. */
export type Query = Readonly<Record<string, string | number | readonly string[]>>;

/** Where the calls of a provider go. */
export interface ProviderAddress {
  simulated: boolean;
  url(path: string, query: Query): URL;
}

/**
 * The registry's host over https, or `<simulatorUrl>/<slug>` on loopback. No tenant value takes part in the host. Throws
 * `CONFIGURATION_INVALID`. Source: `providers.md` 2.2.
 */
export function providerAddress(provider: CalledSource, simulatorUrl: string | undefined): ProviderAddress {
  const base = simulatorUrl === undefined ? registryBase(provider) : simulatorBase(provider, simulatorUrl);
  const { origin } = new URL(base);
  return {
    simulated: simulatorUrl !== undefined,
    url: (path, query) => {
      const url = new URL(`${base}${path}`);
      // Ids from answers become parts of paths: none of them may lead to another host or out of the base.
      if (url.origin !== origin || !url.href.startsWith(`${base}/`))
        throw new AppError("PROVIDER_SCHEMA_DRIFT", "A path left the provider's base address.");
      for (const [name, value] of Object.entries(query)) {
        for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(item));
      }
      return url;
    },
  };
}

function registryBase({ slug, base_url, allowed_hosts }: CalledSource): string {
  const url = parsed(base_url ?? "");
  if (url?.protocol !== "https:" || url.pathname !== "/" || !allowed_hosts.includes(url.hostname)) {
    throw new AppError("CONFIGURATION_INVALID", `The registry names no usable host for ${slug}.`);
  }
  return url.origin;
}

function simulatorBase({ slug }: CalledSource, simulatorUrl: string): string {
  const url = parsed(simulatorUrl);
  const isLoopback = url !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (!isLoopback || url.protocol !== "http:")
    throw new AppError("CONFIGURATION_INVALID", "The provider simulator must be on loopback.");
  return `${url.href.replace(/\/+$/, "")}/${slug}`;
}

function parsed(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
