import { spawn } from "node:child_process";
import { join } from "node:path";

/** Runs a tool of `node_modules/.bin`; answers what it printed when it found faults, and nothing when it found none. */
export async function toolFaults(root: string, tool: string, args: readonly string[]): Promise<string[]> {
  const child = spawn(join(root, "node_modules", ".bin", tool), [...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += String(part)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return [];
  return output.trim() === "" ? [`${tool} ended with code ${code}`] : output.trimEnd().split("\n");
}
