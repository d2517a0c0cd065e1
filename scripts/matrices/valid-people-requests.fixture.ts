import { signInMember } from "#scripts/e2e/people.ts";
import { call as callOver, mailedToken, ofConsole, signInOver } from "#shared/account/sign-in.fixture.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type Example, type Making, root } from "./making.fixture.ts";
import { rootKey } from "./two-organizations.fixture.ts";

export function keyRequests(): Record<string, Example> {
  const issued = async ({ made, alpha, unique }: Making) =>
    made("POST", `/organizations/${alpha.slug}/api-keys`, { name: unique("key"), scopes: ["costs:read"] });
  return {
    "admin-api-key-create": ({ alpha }) => ({ body: { org_slug: alpha.slug } }),
    "admin-api-key-delete": async (at) => ({
      params: { org_api_key_hash: String((await issued(at))["org_api_key_hash"]) },
    }),
    "api-key-issue": ({ unique }) => ({ body: { name: unique("key"), scopes: ["costs:read"] } }),
    "api-key-revoke": async (at) => ({ params: { key_id: String((await issued(at))["key_id"]) } }),
    "api-key-rotate": async (at) => ({ params: { key_id: String((await issued(at))["key_id"]) }, body: {} }),
    "admin-api-key-regenerate": async ({ organization }) => ({
      params: { org: (await organization()).slug },
      body: {},
    }),
    "api-key-rotate-primary": async ({ organization }) => {
      const { slug, headers } = await organization();
      return { params: { org: slug }, headers, body: {} };
    },
  };
}

export function organizationRequests(): Record<string, Example> {
  const applicant = ({ unique }: Making) => ({ org_slug: unique("audited_new_"), company_name: "Audited" });
  return {
    "admin-organization-create": (at) => ({ body: { org_slug: at.unique("audited_old_") } }),
    "organization-onboard": (at) => ({ body: { ...applicant(at), admin_email: "audited@example.com" } }),
    "organization-create": async (at) => ({ body: applicant(at), headers: (await at.person()).headers }),
    "organization-delete": async ({ organization }) => {
      const { slug } = await organization();
      return { params: { org: slug }, headers: root, body: { confirm_org_slug: slug, delete_dataset: true } };
    },
    "organization-profile-update": ({ unique }) => ({ body: { legal_name: unique("Legal ") } }),
    "organization-locale-update": () => ({ body: { default_language: "de" } }),
    "organization-subscription-update": async ({ organization }) => {
      const { slug } = await organization();
      return { params: { org: slug }, headers: root, body: { daily_limit: 77 } };
    },
    "organization-sync": () => ({ headers: root, body: {} }),
    "organization-repair-tables": () => ({ headers: root }),
    "admin-owner-invite": async ({ organization }) => {
      const { slug } = await organization();
      return { params: { org: slug }, body: { email: "new-owner@example.com" } };
    },
    "scheduler-reset-concurrent-counter": () => ({ headers: root }),
  };
}

export function peopleRequests(): Record<string, Example> {
  const invited = async ({ made, alpha }: Making, email: string) =>
    String(
      (await made("POST", `/organizations/${alpha.slug}/invites`, { email }, alpha.people.owner.headers))["invite_id"],
    );
  const answered: Example = async (at) => {
    const { caller, headers } = await at.person();
    return { body: { invite_id: await invited(at, caller.email) }, headers };
  };
  return {
    "invite-create": ({ alpha, unique }) => ({
      body: { email: `${unique("invited")}@example.com` },
      headers: alpha.people.owner.headers,
    }),
    "invite-cancel": async (at) => ({ params: { invite_id: await invited(at, `${at.unique("out")}@example.com`) } }),
    "invite-resend": async (at) => ({ params: { invite_id: await invited(at, `${at.unique("again")}@example.com`) } }),
    "invite-accept": answered,
    "invite-decline": answered,
    "member-role-update": async ({ member, alpha }) => ({
      params: { user_id: (await member("viewer")).userId },
      body: { role: "member" },
      headers: alpha.people.owner.headers,
    }),
    "member-remove": async ({ member }) => ({ params: { user_id: (await member("viewer")).userId } }),
    "member-leave": async ({ member }) => ({ headers: (await member("viewer")).headers }),
    "ownership-transfer": async (at) => {
      const { organization, unique, world } = at;
      const { slug, orgId } = await organization();
      const org = { slug, key: slug, orgId };
      const ports = { ...world.host.ports, clock: systemClock, ids: systemIds };
      const email = "audited@example.com";
      const browser = await signInOver(world.host, rootKey, email);
      const next = await signInMember({ org, role: "admin", email: `${unique("heir")}@example.com` }, ports);
      const body = { to_user_id: next.userId, confirm_org_slug: slug };
      return { params: { org: slug }, headers: ofConsole(browser), body };
    },
    "me-update": async ({ person }) => ({ headers: (await person()).headers, body: { name: "Somebody" } }),
    "me-session-revoke": async ({ person }) => {
      const { headers, sessionId } = await person();
      return { headers, params: { session_id: sessionId } };
    },
    "me-deletion-request": async ({ person }) => ({ headers: (await person()).headers }),
    "me-deletion-confirm": async ({ person, made, world }) => {
      const { headers, caller } = await person();
      await made("POST", "/me/deletion", undefined, headers);
      return { headers: {}, body: { token: await mailedToken(world.host, rootKey, caller.email) } };
    },
  };
}

export function signInRequests(): Record<string, Example> {
  return {
    "auth-magic-link": ({ unique }) => ({ headers: {}, body: { email: `${unique("asking")}@example.com` } }),
    "auth-magic-link-verify": async ({ world, unique }) => {
      const email = `${unique("entering")}@example.com`;
      await callOver(world.url, "POST", "/api/v1/auth/magic-link", { body: { email } });
      return { headers: {}, body: { token: await mailedToken(world.host, rootKey, email) } };
    },
    "auth-session-create": async ({ issuer, unique }) => {
      const token = await issuer.token({ sub: unique("sub"), email: `${unique("outside")}@example.com` });
      return { headers: { authorization: `Bearer ${token}` } };
    },
    "auth-sign-out": async ({ person }) => ({ headers: (await person()).headers }),
    "auth-sign-out-all": async ({ person }) => ({ headers: (await person()).headers }),
  };
}
