import { mkdtempSync, rmSync, statfsSync } from "node:fs";

const memory = "/dev/shm";
const neededBytes = 2 * 1024 ** 3;

/**
 * Lets the suites keep their stores in memory where the machine has such a folder with room: they write thousands of small
 * durable files, and half of their time is waiting for the disk otherwise. A folder that was asked for stays (`TMPDIR`).
 */
export function setup(): void {
  if (process.env["TMPDIR"] !== undefined || freeBytes(memory) < neededBytes) return;
  const folder = mkdtempSync(`${memory}/tests-`);
  // The workers start later and inherit it.
  process.env["TMPDIR"] = folder;
  // Also a run that is interrupted must not leave memory taken.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
}

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    // No such folder: not a Linux machine.
    return 0;
  }
}
