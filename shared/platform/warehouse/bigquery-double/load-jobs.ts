import { parse } from "lossless-json";
import { type Catalog, checkedLabels, fieldsOfSchema, type Row, type StoredTable } from "./catalog.ts";
import { invalid, RestError } from "./rest-error.ts";
import { cellOf, dayOfCell, type Field } from "./stored-values.ts";

/** Google's documented ceilings, lower in a test that wants to reach them. Source: google-limits.md section 5. */
export interface LoadLimits {
  loadJobsPerTableAndDay: number;
  partitionModificationsPerTableAndDay: number;
  partitionsPerJob: number;
}

export interface LoadJob {
  jobId: string;
  location: string;
  configuration: { labels?: Record<string, string>; load: LoadConfiguration };
  /** Reads of the job that still find it running. */
  pollsLeft: number;
  errorResult: { reason: string; message: string } | undefined;
  outputRows: number;
}

interface LoadConfiguration {
  destinationTable: { projectId: string; datasetId: string; tableId: string };
  schema?: unknown;
  sourceFormat?: string;
  createDisposition?: string;
  writeDisposition?: string;
  schemaUpdateOptions?: string[];
  ignoreUnknownValues?: boolean;
}

interface JobBody {
  jobReference?: { jobId?: string; location?: string };
  configuration?: { labels?: Record<string, string>; load?: LoadConfiguration };
}

const JOB_ID = /^[A-Za-z0-9_-]{1,1024}$/;

/** Load jobs: an id runs at most once, all rows of a job appear together or none does. */
export class LoadJobs {
  readonly jobs = new Map<string, LoadJob>();
  private readonly catalog: Catalog;
  private readonly limits: LoadLimits;
  private readonly today: () => string;
  private readonly used = new Map<string, number>();

  constructor(catalog: Catalog, limits: LoadLimits, today: () => string) {
    this.catalog = catalog;
    this.limits = limits;
    this.today = today;
  }

  /** `fault` makes the accepted job fail with that reason instead of loading. */
  insert(body: JobBody, lines: string, options: { fault?: string; polls: number }): LoadJob {
    const job = acceptedJob(body, options.polls);
    if (this.jobs.has(job.jobId)) throw new RestError(409, "duplicate", `Already Exists: Job ${job.jobId}`);
    this.jobs.set(job.jobId, job);
    if (options.fault) job.errorResult = { reason: options.fault, message: `the job met a ${options.fault}` };
    try {
      this.count(job, "job", 1, this.limits.loadJobsPerTableAndDay);
      if (!options.fault) job.outputRows = this.load(job, lines);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      job.errorResult = { reason: error instanceof RestError ? error.reason : "invalid", message: error.message };
    }
    return job;
  }

  private load(job: LoadJob, lines: string): number {
    const { load } = job.configuration;
    checkDispositions(load);
    const table = this.catalog.table(load.destinationTable.datasetId, load.destinationTable.tableId);
    if (table.view !== undefined) throw invalid(`${table.tableId} is a view: rows cannot be loaded into it`);
    const fields = grownFields(table, load);
    const rows = lines
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => rowOf(line, fields, load));
    this.countPartitions(job, table, fields, rows);
    table.fields = fields;
    table.rows = [...table.rows, ...rows];
    return rows.length;
  }

  private countPartitions(job: LoadJob, table: StoredTable, fields: Field[], rows: Row[]): void {
    const field = fields.find(({ name }) => name === table.partition?.field);
    if (!field) return;
    const days = new Set(rows.map((row) => dayOfCell(field, row.get(field.name) ?? null)));
    const { partitionsPerJob, partitionModificationsPerTableAndDay } = this.limits;
    if (days.size > partitionsPerJob)
      throw invalid(`Too many partitions produced by query, allowed ${partitionsPerJob}`);
    this.count(job, "partitions", days.size, partitionModificationsPerTableAndDay);
  }

  private count(job: LoadJob, what: string, amount: number, limit: number): void {
    const { datasetId, tableId } = job.configuration.load.destinationTable;
    const key = [what, datasetId, tableId, this.today()].join("/");
    const used = (this.used.get(key) ?? 0) + amount;
    this.used.set(key, used);
    if (used > limit) throw new RestError(403, "quotaExceeded", `Quota exceeded: too many ${what} for this table`);
  }
}

/** The REST form of a job; reading it is what lets its time pass. */
export function jobResource(projectId: string, job: LoadJob): Record<string, unknown> {
  const { jobId, location, configuration, errorResult, outputRows } = job;
  const isDone = job.pollsLeft <= 0;
  job.pollsLeft -= 1;
  return {
    kind: "bigquery#job",
    jobReference: { projectId, jobId, location },
    configuration: { jobType: "LOAD", ...configuration },
    status: isDone
      ? { state: "DONE", ...(errorResult && { errorResult, errors: [errorResult] }) }
      : { state: "RUNNING" },
    ...(isDone && { statistics: { load: { outputRows: String(outputRows) } } }),
  };
}

function acceptedJob(body: JobBody, polls: number): LoadJob {
  const { jobId = "", location = "US" } = body.jobReference ?? {};
  if (!JOB_ID.test(jobId)) throw invalid(`Invalid job ID "${jobId}"`);
  const load = body.configuration?.load;
  if (!load?.destinationTable) throw invalid("Load configuration must specify a destination table");
  const labels = checkedLabels(body.configuration?.labels);
  return { jobId, location, configuration: { labels, load }, pollsLeft: polls, errorResult: undefined, outputRows: 0 };
}

function checkDispositions(load: LoadConfiguration): void {
  if (load.sourceFormat !== "NEWLINE_DELIMITED_JSON") throw invalid("The double loads newline-delimited JSON only");
  if (load.createDisposition !== "CREATE_NEVER") throw invalid("The double never creates tables by load");
  if (load.writeDisposition !== "WRITE_APPEND") throw invalid("The double appends only");
}

/** The table's fields after the job. A given schema must match; new fields need leave and must not be REQUIRED. */
function grownFields(table: StoredTable, load: LoadConfiguration): Field[] {
  const added: Field[] = [];
  for (const field of load.schema === undefined ? [] : fieldsOfSchema(load.schema)) {
    const stored = table.fields.find(({ name }) => name === field.name);
    if (stored && (stored.type !== field.type || stored.mode !== field.mode)) {
      throw invalid(`Provided Schema does not match Table. Field ${field.name} has changed type or mode`);
    }
    if (stored) continue;
    const mayGrow = load.schemaUpdateOptions?.includes("ALLOW_FIELD_ADDITION") && field.mode !== "REQUIRED";
    if (!mayGrow) throw invalid(`Provided Schema does not match Table. Cannot add fields (field: ${field.name})`);
    added.push(field);
  }
  return [...table.fields, ...added];
}

function rowOf(line: string, fields: Field[], load: LoadConfiguration): Row {
  const record = parse(line) as Record<string, unknown>;
  const unknown = Object.keys(record).find((key) => !fields.some(({ name }) => name === key));
  if (unknown && !load.ignoreUnknownValues) throw invalid(`JSON parsing error in row: No such field: ${unknown}.`);
  return new Map(fields.map((field) => [field.name, cellOf(field, record[field.name])]));
}
