import { polarsGroups } from "./polars-groups.ts";
import { groupsText } from "./year-groups.ts";
import { askedRange } from "./year-question.ts";

// A new process that groups the year's one Parquet file with Polars: prints the groups as one line of JSON.
process.stdout.write(`${groupsText(await polarsGroups(process.argv[2] ?? "", askedRange))}\n`);
