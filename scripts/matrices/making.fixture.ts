import { signInMember, signInPerson } from "#scripts/e2e/people.ts";
import type { Role } from "#shared/access/roles.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import type { IssuerDouble } from "#shared/sessions/issuer.fixture.ts";
import { rootKey, type Tenant, type TwoOrganizations } from "./two-organizations.fixture.ts";

/** A call that does what its function is for; the credential is the right one of `alpha` unless headers say otherwise. */
export interface ValidRequest {
  /** Parameters of the path, where those of the tenant will not do. */
  params?: Readonly<Record<string, string>>;
  query?: string;
  body?: unknown;
  file?: Buffer;
  headers?: Readonly<Record<string, string>>;
}

export type Body = Record<string, unknown>;
/** How a function is called so that it does something, after what has to be there is made. */
export type Example = (at: Making) => ValidRequest | Promise<ValidRequest>;

/** What the examples are made with. */
export interface Making {
  world: TwoOrganizations;
  alpha: Tenant;
  issuer: IssuerDouble;
  /** A name that no other example has. */
  unique(what: string): string;
  /** A call that must succeed, by default with alpha's key; answers its body. */
  made(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Body>;
  /** An organization of this example's own. */
  organization(): Promise<{ slug: string; headers: { "x-api-key": string }; orgId: string }>;
  member(role: Role): ReturnType<typeof signInMember>;
  person(): ReturnType<typeof signInPerson>;
}

export const root = { "x-ca-root-key": rootKey };

export function makingWith(world: TwoOrganizations, issuer: IssuerDouble): Making {
  const { alpha } = world;
  let count = 0;
  const unique = (what: string): string => {
    count += 1;
    return `${what}${count}`;
  };
  const made: Making["made"] = async (method, path, body, headers = { "x-api-key": alpha.apiKey }) => {
    const response = await fetch(`${world.url}/api/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Body);
  };
  const ports = { ...world.host.ports, clock: systemClock, ids: systemIds };
  return {
    ...{ world, alpha, issuer, unique, made },
    organization: async () => {
      const org_slug = unique("audited_org_");
      const request = {
        org_slug,
        company_name: "Audited",
        admin_email: "audited@example.com",
        subscription_plan: "SCALE",
      };
      const report = await made("POST", "/organizations/onboard", request, root);
      return { slug: org_slug, headers: { "x-api-key": String(report["api_key"]) }, orgId: String(report["org_id"]) };
    },
    member: (role) => signInMember({ org: alpha, role, email: `${unique("member")}@example.com` }, ports),
    person: () => signInPerson(`${unique("person")}@example.com`, ports),
  };
}
