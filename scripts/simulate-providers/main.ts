import { descriptionOf, helpText, readCommandLine } from "./command-line.ts";
import { startSimulator } from "./server.ts";

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\nTry --help.`);
  process.exitCode = 1;
}

async function run(args: string[]): Promise<void> {
  const options = readCommandLine(args);
  if (options === undefined) return console.log(helpText());
  const { url, stop } = await startSimulator(options);
  console.log(`${descriptionOf(url)}\nserving on ${url}, Ctrl-C stops it`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop().then(() => console.log("stopped"));
    });
  }
}
