/** What the platform publishes about itself, made from the declarations at build time (or by the local host at start). */
export interface Catalogue {
  openapi(): Promise<Record<string, unknown>>;
  routes(): Promise<Route[]>;
}

export interface Route {
  functionName: string;
  method: string;
  /** Path template as in OpenAPI, `{name}` for a parameter. */
  path: string;
  /** Where the endpoint takes more than the usual 1 MiB. */
  bodyLimitBytes?: number;
}
