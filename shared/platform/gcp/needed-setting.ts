import { type Configuration, ConfigurationError } from "#shared/runtime/config.ts";

/** A setting that an adapter cannot work without. Throws `ConfigurationError` naming the variable and its use. */
export function needed<Name extends keyof Configuration>(
  config: Configuration,
  name: Name,
  purpose: string,
): NonNullable<Configuration[Name]> {
  const value = config[name];
  if (value === undefined) throw new ConfigurationError([`${name} is missing: ${purpose}`]);
  return value as NonNullable<Configuration[Name]>;
}
