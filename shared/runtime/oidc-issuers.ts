import { isLoopbackUrl } from "./loopback-url.ts";

/** An outside issuer whose tokens a person may sign in with. */
export interface OidcIssuer {
  issuer: string;
  audience: string;
  /** Where its keys lie; by default its discovery document tells. */
  jwksUri: string | undefined;
  /** `claim`: a token says whether its address is verified. `issuer`: the operator vouches that every one is. */
  emailTrust: "claim" | "issuer";
}

interface IssuerSetting {
  OIDC_ISSUERS?: string | undefined;
  ENVIRONMENT: string;
}

/** The issuers of the configuration, which was checked at the start. */
export function oidcIssuers(setting: IssuerSetting): OidcIssuer[] {
  return readIssuers(setting).issuers;
}

/** Everything wrong with `OIDC_ISSUERS`. */
export function issuerProblems(setting: IssuerSetting): string[] {
  return readIssuers(setting).problems;
}

function readIssuers({ OIDC_ISSUERS, ENVIRONMENT }: IssuerSetting): { issuers: OidcIssuer[]; problems: string[] } {
  const list = OIDC_ISSUERS === undefined ? [] : parsed(OIDC_ISSUERS);
  if (!Array.isArray(list)) return { issuers: [], problems: ["OIDC_ISSUERS must be a JSON list"] };
  const isLocal = ENVIRONMENT === "development" || ENVIRONMENT === "test";
  const problems: string[] = [];
  const issuers = list.flatMap((entry: unknown, at): OidcIssuer[] => {
    const found = entryProblems(entry, isLocal).map((problem) => `OIDC_ISSUERS entry ${at + 1} ${problem}`);
    problems.push(...found);
    if (found.length > 0) return [];
    const { issuer, audience, jwks_uri, email_trust = "claim" } = entry as Record<string, string>;
    return [{ issuer, audience, jwksUri: jwks_uri, emailTrust: email_trust } as OidcIssuer];
  });
  const names = issuers.map(({ issuer }) => issuer);
  if (new Set(names).size < names.length) problems.push("OIDC_ISSUERS names an issuer twice");
  return { issuers, problems };
}

function entryProblems(entry: unknown, isLocal: boolean): string[] {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return ["must be an object"];
  const { issuer, audience, jwks_uri, email_trust, ...others } = entry as Record<string, unknown>;
  const isAddress = (text: unknown): boolean =>
    typeof text === "string" && URL.canParse(text) && (text.startsWith("https://") || (isLocal && isLoopbackUrl(text)));
  return [
    ...(isAddress(issuer) ? [] : ["needs an issuer that is an https address"]),
    ...(typeof audience === "string" && audience !== "" ? [] : ["needs an audience"]),
    ...(jwks_uri === undefined || isAddress(jwks_uri) ? [] : ["has a jwks_uri that is no https address"]),
    ...(email_trust === undefined || email_trust === "claim" || email_trust === "issuer"
      ? []
      : ["has an email_trust that is neither claim nor issuer"]),
    ...Object.keys(others).map((name) => `has the unknown member ${name}`),
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
