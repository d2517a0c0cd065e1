import { type DemoDocument, demoProblems } from "./demo-verdict.ts";

const help = `Reads what \`npm run --silent demo -- --json\` prints and checks that its figures agree; ends with code 1 when they do not.

npm run --silent demo -- --json | tsx scripts/ci/demo.ts
`;

if (process.argv.length > 2) console.log(help);
else {
  const problems = await judged();
  for (const problem of problems) console.log(problem);
  console.log(problems.length === 0 ? "the demo's figures agree" : "the demo is wrong");
  if (problems.length > 0) process.exitCode = 1;
}

async function judged(): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  try {
    return demoProblems(JSON.parse(Buffer.concat(chunks).toString("utf8")) as DemoDocument);
  } catch (error) {
    return [`the demo printed no usable document: ${String(error)}`];
  }
}
