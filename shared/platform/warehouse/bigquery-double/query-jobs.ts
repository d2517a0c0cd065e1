import { randomUUID } from "node:crypto";
import type { Catalog } from "./catalog.ts";
import { notFound, RestError } from "./rest-error.ts";
import { type Parameters, runStatement, type StatementResult } from "./statements.ts";

interface QueryBody {
  query?: string;
  location?: string;
  maxResults?: number;
  useLegacySql?: boolean;
  queryParameters?: { name?: string; parameterType: ParameterType; parameterValue: ParameterValue }[];
}

interface ParameterType {
  type: string;
  arrayType?: ParameterType;
  structTypes?: { name: string; type: ParameterType }[];
}

interface ParameterValue {
  value?: string | number | null;
  arrayValues?: ParameterValue[];
  structValues?: Record<string, ParameterValue>;
}

/** Queries of the double: run at once, answered in pages. */
export class QueryJobs {
  /** The most rows of a page, whatever the caller asks for: results then take several requests. */
  pageSize = 10_000;
  private readonly catalog: Catalog;
  private readonly results = new Map<string, { result: StatementResult; location: string; pageSize: number }>();

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  async start(projectId: string, body: QueryBody): Promise<Record<string, unknown>> {
    if (body.useLegacySql !== false) throw new RestError(400, "invalidQuery", "The double has no legacy SQL");
    const result = await runStatement(this.catalog, body.query ?? "", parametersOf(body));
    const jobId = randomUUID();
    const pageSize = Math.min(body.maxResults ?? this.pageSize, this.pageSize);
    this.results.set(jobId, { result, location: body.location ?? "US", pageSize });
    return this.page(projectId, jobId, undefined);
  }

  page(projectId: string, jobId: string, token: string | undefined): Record<string, unknown> {
    const stored = this.results.get(jobId);
    if (!stored) throw notFound(`Job ${jobId}`);
    const { result, location, pageSize } = stored;
    const start = Number(token ?? 0);
    const end = start + pageSize;
    return {
      kind: "bigquery#queryResponse",
      jobReference: { projectId, jobId, location },
      jobComplete: true,
      schema: { fields: result.fields },
      totalRows: String(result.rows.length),
      numDmlAffectedRows: String(result.affectedRows),
      rows: result.rows.slice(start, end),
      ...(end < result.rows.length && { pageToken: String(end) }),
    };
  }
}

function parametersOf(body: QueryBody): Parameters {
  return new Map(
    (body.queryParameters ?? []).map(({ name, parameterType, parameterValue }) => [
      name ?? "",
      plain(parameterType, parameterValue),
    ]),
  );
}

function plain(type: ParameterType, value: ParameterValue): unknown {
  const { arrayType, structTypes } = type;
  if (arrayType) return (value.arrayValues ?? []).map((element) => plain(arrayType, element));
  if (structTypes) {
    return Object.fromEntries(
      structTypes.map(({ name, type: member }) => [name, plain(member, value.structValues?.[name] ?? {})]),
    );
  }
  if (type.type === "DATE" && !/^\d{4}-\d\d-\d\d$/.test(String(value.value))) {
    throw new RestError(400, "invalidQuery", `Invalid value for type DATE: ${String(value.value)}`);
  }
  return value.value;
}
