import { crc32 } from "node:zlib";

/** How many slices the sweeper's work is cut into. */
export const runShards = 16;

/** The slice of a run: spreads the one indexed instant of hot collections. */
export function shardOf(runId: string): number {
  return crc32(runId) % runShards;
}
