import { resolve } from "node:path";
import type { Configuration } from "#shared/runtime/config.ts";
import { rootKeyFile } from "./root-key.ts";

export interface Started {
  url: string;
  config: Configuration;
  /** True when the root key is the generated one of the data folder. */
  isRootKeyGenerated: boolean;
}

const simulatorUrl = "http://127.0.0.1:8790";

/** What is printed when the host is up: where everything lies, and the way from nothing to a first number with curl. */
export function nextSteps({ url, config, isRootKeyGenerated }: Started): string {
  const folder = resolve(config.CA_DATA_DIR);
  const rootKey = isRootKeyGenerated ? `ROOT=$(cat '${rootKeyFile(folder)}')` : 'ROOT="$CA_ROOT_API_KEY"';
  const api = `${url}/api/v1`;
  const asRoot = '-H "X-CA-Root-Key: $ROOT"';
  const asAcme = '-H "X-API-Key: $KEY"';
  const acme = `'{"org_slug":"acme","company_name":"Acme","admin_email":"admin@acme.test"}'`;
  return `
Cost Atlas is running: ${url}   (Ctrl-C stops it)
  state      ${folder}   (documents.sqlite, warehouse/, objects/, key-ring.json)
  root key   ${isRootKeyGenerated ? `${rootKeyFile(folder)}   (made for this installation; keep it secret)` : "from CA_ROOT_API_KEY"}
  API        ${url}/openapi.json   ${url}/health   ${url}/metrics

Next steps, to paste into another terminal:

  # 1. the operator's key; check an organization, make it, and take its key
  ${rootKey}
  curl -s -X POST ${api}/organizations/dryrun ${asRoot} -d ${acme}
  curl -s -X POST ${api}/organizations/onboard ${asRoot} -d ${acme}
  KEY=$(curl -s ${api}/admin/dev/api-key/acme ${asRoot} | sed -n 's/.*"api_key":"\\([^"]*\\)".*/\\1/p')

${providerStep(config, { api, asAcme })}

  # 3. pull usage and cost; when the run is COMPLETED, read quota and the number
  curl -s -X POST ${api}/pipelines/run/acme/openai/cost/usage_cost ${asAcme}
  curl -s '${api}/pipelines/acme/runs?limit=1' ${asAcme}
  curl -s ${api}/organizations/acme/quota ${asAcme}
  curl -s '${api}/costs/acme/summary?period=last_30_days' ${asAcme}

  # 4. sign in as a person: the link's token is in the newest mail, which this installation keeps in ${mailPlace(config, folder)}
  curl -s -X POST ${api}/auth/magic-link -d '{"email":"admin@acme.test"}'
  curl -s '${api}/admin/dev/mail?limit=1' ${asRoot}
  curl -s -X POST ${api}/auth/magic-link/verify -c cookies.txt -d '{"token":"signin_..."}'
`;
}

function mailPlace(config: Configuration, folder: string): string {
  return (config.MAIL_URL ?? "file:") === "file:" ? `${folder}/mail` : "no folder: MAIL_URL sends it";
}

function providerStep(config: Configuration, { api, asAcme }: { api: string; asAcme: string }): string {
  const setUp = (key: string): string =>
    `  curl -s -X POST ${api}/integrations/acme/openai/setup ${asAcme} -d '{"credential":"${key}"}'`;
  if (config.CA_PROVIDER_SIMULATOR_URL !== undefined) {
    return `  # 2. connect OpenAI: providers are simulated by ${config.CA_PROVIDER_SIMULATOR_URL}
${setUp("sk-admin-sim-example")}`;
  }
  return `  # 2. connect OpenAI with an admin key of yours
${setUp("sk-admin-...")}
  #    or without one: start the simulator (npm run simulate-providers), then this platform with
  #    CA_PROVIDER_SIMULATOR_URL=${simulatorUrl} npm start
  #    and use the key sk-admin-sim-example`;
}

/** The text of `--help`. */
export function helpText(): string {
  return `Runs Cost Atlas in this process: SQLite, Parquet files and a local key ring, no account needed.

npm start

Settings are environment variables (in development also lines of .env.local):
  PORT 8000, HOST 127.0.0.1       where it listens
  CA_DATA_DIR .costatlas          where its state lies; one process at a time
  CA_ROOT_API_KEY                 the operator's key; development makes one in the data folder
  CA_PROVIDER_SIMULATOR_URL       sends every provider to a simulator (npm run simulate-providers)
  ENVIRONMENT development         test, staging or production; production refuses unsafe settings
  CONSOLE_URL                     where people find the console; links in mails lead there
  MAIL_URL file:, MAIL_FROM       smtp://user:password@host:587 or smtps://...; file: keeps mails in the data folder
  OIDC_ISSUERS                    JSON list of outside issuers people may sign in with
  SELF_SIGNUP true                false: only the operator makes organizations
  CORS_ORIGINS                    origins of web pages that may call, separated by commas
  TRUSTED_PROXY_HOPS 0            proxies in front whose X-Forwarded-For counts
  RATE_LIMIT_ENABLED true         limits of requests per caller and minute
  CA_FRAME_CACHE_BYTES 536870912  memory for months of cost that were read
  LOG_LEVEL info                  debug, info, warn, error or silent

Ctrl-C or SIGTERM ends it when work in progress is done (at most 10 s); a second Ctrl-C ends it at once.
`;
}
