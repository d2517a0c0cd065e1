import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { type Host, startHost } from "#scripts/start/host.ts";
import { cookieIn, ofConsole } from "#shared/account/sign-in.fixture.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { folderMail } from "#shared/platform/mail/folder-mail.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import { startCloudDoubles } from "./cloud-doubles.ts";
import { type Answer, call, customerJourney, type JourneyPlatform, onboard, plain, truth } from "./journey.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const root = { "x-ca-root-key": rootKey };
/** Limits of calls per minute are tested where they are made; here many calls come at once. */
const settings = { RATE_LIMIT_ENABLED: "false", SELF_SIGNUP: "true" };
const emulators = { firestore: inject("firestoreEmulator"), pubsub: inject("pubsubEmulator") };

interface Running {
  host: Host;
  platform: JourneyPlatform;
  /** Where everything lies, on this machine. */
  folder: string;
  stop(): Promise<void>;
}

type Simulator = Awaited<ReturnType<typeof startSimulator>>;

/** Host and providers, in a folder that goes with them. */
async function running(open: (simulator: Simulator, folder: string) => Promise<Started>): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), "cost-atlas-"));
  const simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
  const { host, close } = await open(simulator, folder);
  return {
    host,
    folder,
    platform: { url: host.url, rootKey, simulatorUrl: simulator.url },
    stop: async () => {
      await host.stop();
      await close();
      await simulator.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Started {
  host: Host;
  close(): Promise<void>;
}

async function embedded(simulator: Simulator, folder: string): Promise<Started> {
  await createKeyRing(join(folder, "key-ring.json"));
  const config: Configuration = await readConfiguration({
    ENVIRONMENT: "test",
    PORT: "0",
    CA_DATA_DIR: folder,
    CA_ROOT_API_KEY: rootKey,
    CA_PROVIDER_SIMULATOR_URL: simulator.url,
    ...settings,
  });
  return { host: await startHost({ config, log: silent, ticks: false }), close: async () => {} };
}

/** Mails are kept as the embedded platform keeps them: whoever signs in has to read one. */
async function onEmulators(simulator: Simulator, folder: string): Promise<Started> {
  const doubles = await startCloudDoubles({
    firestore: emulators.firestore ?? "",
    pubsub: emulators.pubsub ?? "",
    rootKey,
    simulatorUrl: simulator.url,
    settings: { ...settings, CA_DATA_DIR: folder },
  });
  const mail = folderMail({ folder: join(folder, "mail"), clock: { now: () => new Date() } });
  const ports = { ...doubles.ports, mail };
  return { host: await startHost({ config: doubles.config, ports, log: silent, ticks: false }), close: doubles.stop };
}

const hasEmulators = emulators.firestore !== undefined && emulators.pubsub !== undefined;

describe.each([
  { where: "embedded", open: embedded, isSkipped: false },
  { where: "on Google's emulators and the doubles", open: onEmulators, isSkipped: !hasEmulators },
])("a new user, $where", ({ open, isSkipped, where }) => {
  let at: Running;
  beforeAll(async () => {
    if (!isSkipped) at = await running(open);
  }, 60_000);
  afterAll(() => at?.stop());

  /** Requests of these tests that have changed something, by their ids. */
  const changes = new Map<string, string>();
  const send = async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ): Promise<Answer> => {
    const id = `req-${changes.size}-${randomUUID()}`;
    const sent = { headers: { ...headers, "x-request-id": id }, ...(body === undefined ? {} : { body }) };
    const answer = await call(at.platform, method, `/api/v1${path}`, sent);
    const isReplayed = answer.headers.get("idempotency-replayed") === "true";
    if (method !== "GET" && answer.status < 300 && !isReplayed) changes.set(id, `${method} ${path}`);
    return answer;
  };
  const mailsTo = async (email: string) => {
    const { body } = await send("GET", `/admin/dev/mail?limit=50&to=${encodeURIComponent(email)}`, root);
    return body["mails"] as { subject: string; text: string }[];
  };
  /** The newest token of that kind that was mailed to the address, once it has come. */
  const mailed = (email: string, kind: "signin" | "invite") =>
    vi.waitFor(
      async () => {
        const tokens = (await mailsTo(email)).map(({ text }) => new RegExp(`#token=(${kind}_\\w+)`).exec(text)?.[1]);
        return tokens.find((token) => token !== undefined) ?? expect.fail(`no ${kind} token came to ${email}`);
      },
      { timeout: 20_000, interval: 100 },
    );
  /** For a first sign-in of the address. */
  const signIn = async (email: string) => {
    await send("POST", "/auth/magic-link", {}, { email });
    const verified = await send("POST", "/auth/magic-link/verify", {}, { token: await mailed(email, "signin") });
    expect(verified.status, JSON.stringify(verified.body)).toBe(200);
    return ofConsole({ cookie: cookieIn(verified), csrf: String(verified.body["csrf_token"]) });
  };
  const codeOf = ({ status, body }: Answer) => [status, body["error"]];

  it.skipIf(isSkipped)(
    "takes the first number home, is deleted with the data kept, and comes back to it with a new key",
    { timeout: 240_000 },
    async () => {
      await customerJourney(at.platform, "Acme", "newuser");
      const shown = await send("GET", "/organizations/acme", root);
      const { body: revealed } = await send("GET", "/admin/dev/api-key/acme", root);
      const oldKey = { "x-api-key": String(revealed["api_key"]) };

      const request = { confirm_org_slug: "Acme", delete_dataset: false };
      const deleted = await send("DELETE", "/organizations/acme", root, request);
      const refused = await send("GET", "/organizations/acme", oldKey);
      const applicant = { org_slug: "Acme", company_name: "Acme GmbH", subscription_plan: "SCALE" };
      const stranger = await send("POST", "/organizations/onboard", root, { ...applicant, admin_email: "x@y.example" });
      const back = await send("POST", "/organizations/onboard", root, {
        ...applicant,
        admin_email: "ADMIN@example.com",
      });

      expect(deleted.body).toMatchObject({ status: "DELETED", dataset_deleted: false });
      expect(codeOf(refused)).toEqual([401, "UNAUTHENTICATED"]);
      expect(codeOf(stranger)).toEqual([409, "ORG_SLUG_RETIRED"]);
      expect(back.status, JSON.stringify(back.body)).toBe(200);
      expect(back.body).toMatchObject({ org_id: shown.body["org_id"], dataset_created: false });
      const newKey = { "x-api-key": String(back.body["api_key"]) };
      expect(newKey).not.toEqual(oldKey);
      expect(codeOf(await send("GET", "/organizations/acme", oldKey))).toEqual([401, "UNAUTHENTICATED"]);
      const summary = await send("GET", "/costs/acme/summary?start_date=2026-07-01&end_date=2026-07-31", newKey);
      const expected = await truth(at.platform, "newuser", "2026-07-01", "2026-07-31");
      expect(plain(summary.body["total_billed_cost"]), JSON.stringify(summary.body)).toBe(expected.total);
      const connected = await send("POST", "/integrations/acme/openai/setup", newKey, {
        api_key: "sk-admin-sim-newuser",
      });
      expect(connected.body).toMatchObject({ success: true });
    },
  );

  it.skipIf(isSkipped)(
    "signs up by mail, makes an organization, brings a second person in and hands it over",
    { timeout: 120_000 },
    async () => {
      await onboard(at.platform, "Bootstrapped", "peoplefirst");
      const ada = await signIn("Ada@example.com");
      const made = await send("POST", "/organizations", ada, {
        org_slug: "Own_api_Team",
        company_name: "فريق 🚀",
        subscription_plan: "pro",
      });
      const subject = "فريق 🚀 is ready on Cost Atlas";
      await vi.waitFor(
        async () => expect(await mailsTo("ada@example.com")).toContainEqual(expect.objectContaining({ subject })),
        20_000,
      );
      const base = "/organizations/own_API_team";
      const invited = await send("POST", `${base}/invites`, ada, { email: "bob@example.com", role: "viewer" });
      const token = await mailed("bob@example.com", "invite");
      const eve = await send("POST", "/invites/accept", await signIn("eve@example.com"), { token });
      const bob = await signIn("BOB@example.com");
      const accepted = await send("POST", "/invites/accept", bob, { token });
      const again = await send("POST", "/invites/accept", bob, { token });
      const bobId = String(((await send("GET", "/me", bob)).body["user"] as Record<string, unknown>)["user_id"]);
      const refused = await send("PUT", `${base}/profile`, bob, { company_name: "Bob's" });
      const raised = await send("PUT", `${base}/members/${bobId}`, ada, { role: "admin" });
      const transfer = { to_user_id: bobId, confirm_org_slug: "Own_api_Team" };
      const transferred = await send("POST", `${base}/ownership/transfer`, ada, transfer);
      const me = await send("GET", "/me", bob);
      const usable = await send("GET", base, { "x-api-key": String(made.body["api_key"]) });

      expect(made.status, JSON.stringify(made.body)).toBe(201);
      expect(made.body).toMatchObject({ org_slug: "Own_api_Team", company_name: "فريق 🚀", status: "TRIAL" });
      expect(invited.status, JSON.stringify(invited.body)).toBe(201);
      expect(codeOf(eve)).toEqual([403, "INVITE_OTHER_PERSON"]);
      expect([accepted.status, again.status, again.body]).toEqual([200, 200, accepted.body]);
      expect(codeOf(refused)).toEqual([403, "FORBIDDEN"]);
      expect(raised.body).toMatchObject({ role: "admin" });
      expect(transferred.body).toMatchObject({ owner_user_id: bobId });
      expect(me.body["organizations"]).toMatchObject([{ org_slug: "Own_api_Team", role: "owner" }]);
      expect(usable.body).toMatchObject({ org_slug: "Own_api_Team", owner_user_id: bobId });
    },
  );

  it.skipIf(isSkipped)(
    "may make three organizations a day, also when more are asked for at once",
    { timeout: 120_000 },
    async () => {
      const cem = await signIn("cem@example.com");
      const make = (number: number) =>
        send("POST", "/organizations", cem, { org_slug: `Cem_${number}`, company_name: `Cem ${number}` });

      const answers = await Promise.all(Array.from({ length: 6 }, (_, number) => make(number)));

      const codes = answers.map(({ status, body }) => body["error"] ?? status).sort();
      expect(codes).toEqual([201, 201, 201, "PLAN_LIMIT_REACHED", "PLAN_LIMIT_REACHED", "PLAN_LIMIT_REACHED"]);
      const me = await send("GET", "/me", cem);
      expect(me.body["organizations"]).toHaveLength(3);
    },
  );

  it.skipIf(isSkipped)(
    "is one organization when a dozen calls make it at once, whatever the case of its name",
    { timeout: 120_000 },
    async () => {
      const onboarding = (number: number) => ({
        org_slug: ["Once", "once", "ONCE"][number % 3],
        company_name: "Once",
        admin_email: "once@example.com",
      });

      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, number) => send("POST", "/organizations/onboard", root, onboarding(number))),
      );

      const codes = answers.map(({ status, body }) => body["error"] ?? status);
      const refusals = codes.filter((code) => code !== 200);
      expect(refusals).toHaveLength(11);
      expect([...new Set(refusals)].every((code) => code === "ONBOARDING_IN_PROGRESS" || code === "ORG_EXISTS")).toBe(
        true,
      );
      const rows = await send("GET", "/admin/audit-logs/once?action=organization.onboarded", root);
      expect(rows.body["total_count"]).toBe(1);
    },
  );

  it.skipIf(isSkipped)(
    "gets the same bytes for the same Idempotency-Key, the API key with them, which is stored nowhere in plain",
    { timeout: 120_000 },
    async () => {
      const body = JSON.stringify({ org_slug: "Twice", company_name: "Twice", admin_email: "twice@example.com" });
      const ask = async () => {
        const headers = { ...root, "idempotency-key": "onboard-twice" };
        const url = `${at.platform.url}/api/v1/organizations/onboard`;
        const response = await fetch(url, { method: "POST", headers, body });
        return { response, bytes: await response.text() };
      };

      const first = await ask();
      const second = await ask();

      expect([first.response.status, second.response.status]).toEqual([200, 200]);
      expect(second.bytes).toBe(first.bytes);
      expect(second.response.headers.get("idempotency-replayed")).toBe("true");
      const key = String((JSON.parse(first.bytes) as Record<string, unknown>)["api_key"]);
      expect((await send("GET", "/organizations/twice", { "x-api-key": key })).status).toBe(200);
      await at.host.idle();
      const files = await readdir(at.folder, { recursive: true, withFileTypes: true });
      const contents = await Promise.all(
        files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1")),
      );
      // On the emulators only the mails lie here; the records themselves are looked into where they are written.
      if (where === "embedded") expect(contents.some((content) => content.includes("twice@example.com"))).toBe(true);
      expect(contents.filter((content) => content.includes(key))).toEqual([]);
    },
  );

  it.skipIf(isSkipped)(
    "has one effect from 100 requests at once with one Idempotency-Key",
    { timeout: 120_000 },
    async () => {
      const applicant = { org_slug: "Hundred", company_name: "H", admin_email: "h@example.com" };
      const made = await send("POST", "/organizations/onboard", root, { ...applicant, company_name: "Hundred" });
      const headers = { "x-api-key": String(made.body["api_key"]), "idempotency-key": "a hundred" };
      const issue = () =>
        send("POST", "/organizations/hundred/api-keys", headers, { name: "one", scopes: ["costs:read"] });

      const answers = await Promise.all(Array.from({ length: 100 }, issue));
      const later = await issue();

      const issued = answers.filter(({ status }) => status === 201);
      const others = answers.filter(({ status }) => status !== 201).map(codeOf);
      expect(others.every(([status, code]) => status === 409 && code === "IDEMPOTENCY_IN_PROGRESS")).toBe(true);
      expect(new Set([...issued, later].map(({ body }) => body["key_id"])).size).toBe(1);
      const { body } = await send("GET", "/organizations/hundred/api-keys", root);
      expect(JSON.stringify(body).match(/"name":"one"/g)).toHaveLength(1);
      const rows = await send("GET", "/admin/audit-logs/hundred?action=api_key.issued", root);
      expect(rows.body["total_count"]).toBe(1);
    },
  );

  it.skipIf(isSkipped)(
    "has left exactly one audit row of each change, in the organization that it touched",
    async () => {
      const { body } = await send("GET", "/organizations?page_size=100", root);
      const slugs = (body["organizations"] as { org_slug: string }[]).map(({ org_slug }) => org_slug);
      const rows = await Promise.all(
        ["_platform", ...slugs].map(async (slug) => {
          const found = await send("GET", `/admin/audit-logs/${slug}?limit=1000&status=success`, root);
          return (found.body["logs"] as Record<string, unknown>[]).map((row) => String(row["request_id"]));
        }),
      );

      const counts = [...changes].map(([id, what]) => [what, rows.flat().filter((each) => each === id).length]);
      expect(counts.length).toBeGreaterThan(20);
      // Accepting again is the same answer and no change.
      expect(counts.filter(([, count]) => count !== 1)).toEqual([["POST /invites/accept", 0]]);
    },
  );
});
