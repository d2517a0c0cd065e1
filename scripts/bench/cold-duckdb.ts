import { DuckDBInstance } from "@duckdb/node-api";
import { duckdbGroups } from "./duckdb-groups.ts";
import { groupsText } from "./year-groups.ts";
import { askedRange } from "./year-question.ts";

// A new process that groups the year's one Parquet file with SQL: prints the groups as one line of JSON.
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
process.stdout.write(`${groupsText(await duckdbGroups(connection, process.argv[2] ?? "", askedRange))}\n`);
