import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Catalog, datasetResource, type Row, tableResource } from "./catalog.ts";
import { jobResource, type LoadJob, LoadJobs, type LoadLimits } from "./load-jobs.ts";
import { uploadParts } from "./multipart.ts";
import { QueryJobs } from "./query-jobs.ts";
import { notFound, RestError } from "./rest-error.ts";
import type { Field } from "./stored-values.ts";
import { viewResult } from "./view-engine.ts";

/** A BigQuery on the loopback that keeps Google's documented rules (google-limits.md section 5). For tests. */
export interface BigQueryDouble {
  /** For the client's `apiEndpoint`. */
  url: string;
  stop(): Promise<void>;
  faults: Faults;
  inspection: Inspection;
}

/** Each concerns the next `times` requests of its kind. */
interface Faults {
  /** A load job is accepted and runs, but the connection is cut instead of answered. */
  cutReplyOfInsert(times?: number): void;
  /** A load job is accepted and fails with that reason, e.g. `backendError`. */
  failJob(reason: string, times?: number): void;
  /** 503 for requests whose `METHOD /path` matches. */
  unavailable(matching: RegExp, times?: number): void;
  /** Jobs are still running for that many reads. */
  slowJobs(polls: number): void;
  /** The most rows in a page of results. */
  pageSize(rows: number): void;
}

interface Inspection {
  /** Load jobs accepted so far, in order, failed ones included. */
  loadJobs(): readonly LoadJob[];
  rows(datasetId: string, tableId: string): readonly Row[];
  table(datasetId: string, tableId: string): Record<string, unknown>;
  dataset(datasetId: string): Record<string, unknown>;
  /** `METHOD /path` of every request so far. */
  requests(): readonly string[];
}

interface State {
  catalog: Catalog;
  loads: LoadJobs;
  queries: QueryJobs;
  requests: string[];
  cuts: number;
  jobFaults: string[];
  outages: { matching: RegExp; times: number }[];
  polls: number;
}

interface Call {
  state: State;
  request: IncomingMessage;
  url: URL;
  body: Buffer;
  /** Captured segments of the path. */
  ids: string[];
}

type Route = [method: string, path: RegExp, answer: (call: Call) => unknown];

const LIMITS: LoadLimits = {
  loadJobsPerTableAndDay: 1_500,
  partitionModificationsPerTableAndDay: 30_000,
  partitionsPerJob: 4_000,
};

/** Answered when the client shall see a broken connection. */
const CUT = Symbol("cut");

const ROUTES: Route[] = [
  [
    "POST",
    /^\/bigquery\/v2\/projects\/([^/]+)\/datasets$/,
    (call) => datasetResource(id(call, 0), call.state.catalog.createDataset(json(call))),
  ],
  [
    "GET",
    /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)$/,
    (call) => datasetResource(id(call, 0), call.state.catalog.dataset(id(call, 1))),
  ],
  [
    "PATCH",
    /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)$/,
    (call) => datasetResource(id(call, 0), call.state.catalog.patchDataset(id(call, 1), json(call))),
  ],
  ["DELETE", /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)$/, deleteDataset],
  ["GET", /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables$/, listTables],
  ["POST", /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables$/, createTable],
  ["GET", /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/, getTable],
  ["PATCH", /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/, patchTable],
  ["DELETE", /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/, deleteTable],
  ["POST", /^\/upload\/bigquery\/v2\/projects\/([^/]+)\/jobs$/, insertLoadJob],
  ["GET", /^\/bigquery\/v2\/projects\/([^/]+)\/jobs\/([^/]+)$/, getJob],
  ["POST", /^\/bigquery\/v2\/projects\/([^/]+)\/queries$/, (call) => call.state.queries.start(id(call, 0), json(call))],
  ["GET", /^\/bigquery\/v2\/projects\/([^/]+)\/queries\/([^/]+)$/, getQueryResults],
];

export async function startBigQueryDouble(
  options: { limits?: Partial<LoadLimits>; now?: () => Date } = {},
): Promise<BigQueryDouble> {
  const catalog = new Catalog();
  const now = options.now ?? (() => new Date());
  const loads = new LoadJobs(catalog, { ...LIMITS, ...options.limits }, () => now().toISOString().slice(0, 10));
  const queries = new QueryJobs(catalog);
  const state: State = { catalog, loads, queries, requests: [], cuts: 0, jobFaults: [], outages: [], polls: 0 };
  const server = createServer((request, response) => void serve(state, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    faults: faultsOf(state),
    inspection: inspectionOf(state),
  };
}

function faultsOf(state: State): Faults {
  return {
    cutReplyOfInsert(times = 1) {
      state.cuts += times;
    },
    failJob(reason, times = 1) {
      state.jobFaults.push(...Array.from({ length: times }, () => reason));
    },
    unavailable(matching, times = 1) {
      state.outages.push({ matching, times });
    },
    slowJobs(polls) {
      state.polls = polls;
    },
    pageSize(rows) {
      state.queries.pageSize = rows;
    },
  };
}

function inspectionOf({ catalog, loads, requests }: State): Inspection {
  return {
    loadJobs: () => [...loads.jobs.values()],
    rows: (datasetId, tableId) => catalog.table(datasetId, tableId).rows,
    table: (datasetId, tableId) => tableResource("p", datasetId, catalog.table(datasetId, tableId)),
    dataset: (datasetId) => datasetResource("p", catalog.dataset(datasetId)),
    requests: () => requests,
  };
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://double");
  state.requests.push(`${request.method} ${url.pathname}`);
  try {
    const body = await bytesOf(request);
    const answer = await answerTo({ state, request, url, body, ids: [] });
    if (answer === CUT) request.socket.destroy();
    else send(response, answer === undefined ? 204 : 200, answer);
  } catch (error) {
    const refusal = error instanceof RestError ? error : new RestError(500, "internalError", String(error));
    send(response, refusal.status, refusal.body);
  }
}

function answerTo(call: Call): unknown {
  const { request, url, state } = call;
  const address = `${request.method} ${url.pathname}`;
  if (!request.headers.authorization?.startsWith("Bearer ")) throw new RestError(401, "authError", "no credentials");
  const outage = state.outages.find(({ matching, times }) => times > 0 && matching.test(address));
  if (outage) {
    outage.times -= 1;
    throw new RestError(503, "backendError", "the service is unavailable");
  }
  for (const [method, path, answer] of ROUTES) {
    const match = method === request.method ? path.exec(url.pathname) : null;
    if (match) return answer({ ...call, ids: match.slice(1).map(decodeURIComponent) });
  }
  throw notFound(address);
}

function deleteDataset(call: Call): undefined {
  call.state.catalog.deleteDataset(id(call, 1), call.url.searchParams.get("deleteContents") === "true");
}

function listTables(call: Call): unknown {
  const { tables } = call.state.catalog.dataset(id(call, 1));
  const names = [...tables.keys()].sort();
  const start = Number(call.url.searchParams.get("pageToken") ?? 0);
  const end = start + 20;
  return {
    kind: "bigquery#tableList",
    tables: names.slice(start, end).map((tableId) => ({
      type: tables.get(tableId)?.view === undefined ? "TABLE" : "VIEW",
      tableReference: { projectId: id(call, 0), datasetId: id(call, 1), tableId },
    })),
    totalItems: names.length,
    ...(end < names.length && { nextPageToken: String(end) }),
  };
}

async function createTable(call: Call): Promise<unknown> {
  const [projectId, datasetId, body] = [id(call, 0), id(call, 1), json(call)];
  const table = call.state.catalog.createTable(datasetId, body, await viewFields(call, body));
  return tableResource(projectId, datasetId, table);
}

async function patchTable(call: Call): Promise<unknown> {
  const [datasetId, tableId, body] = [id(call, 1), id(call, 2), json(call)];
  const patched = call.state.catalog.patchTable(datasetId, tableId, body, await viewFields(call, body));
  return tableResource(id(call, 0), datasetId, patched);
}

/** A view's query is run when the view is made: one that cannot be run is refused, and the result says its columns. */
async function viewFields(call: Call, body: Record<string, unknown>): Promise<Field[] | undefined> {
  const view = body["view"] as { query: string } | undefined;
  return view && (await viewResult(call.state.catalog, view.query)).fields;
}

function deleteTable(call: Call): undefined {
  call.state.catalog.deleteTable(id(call, 1), id(call, 2));
}

function getTable(call: Call): unknown {
  return tableResource(id(call, 0), id(call, 1), call.state.catalog.table(id(call, 1), id(call, 2)));
}

function insertLoadJob(call: Call): unknown {
  const { state, request, body } = call;
  const { metadata, content } = uploadParts(request.headers["content-type"] ?? "", body);
  const fault = state.jobFaults.shift();
  const job = state.loads.insert(metadata as object, content, { ...(fault && { fault }), polls: state.polls });
  if (state.cuts === 0) return jobResource(id(call, 0), job);
  state.cuts -= 1;
  return CUT;
}

function getJob(call: Call): unknown {
  const job = call.state.loads.jobs.get(id(call, 1));
  if (!job || job.location !== (call.url.searchParams.get("location") ?? "US")) throw notFound(`Job ${id(call, 1)}`);
  return jobResource(id(call, 0), job);
}

function getQueryResults(call: Call): unknown {
  return call.state.queries.page(id(call, 0), id(call, 1), call.url.searchParams.get("pageToken") ?? undefined);
}

function id(call: Call, index: number): string {
  return call.ids[index] ?? "";
}

function json(call: Call): Record<string, unknown> {
  return JSON.parse(call.body.toString("utf8")) as Record<string, unknown>;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=UTF-8" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
