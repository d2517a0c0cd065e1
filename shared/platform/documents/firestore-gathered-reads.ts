import type { DocumentSnapshot } from "@google-cloud/firestore";

type Read = (paths: readonly string[]) => Promise<DocumentSnapshot[]>;

interface Asked {
  paths: readonly string[];
  resolve(snapshots: DocumentSnapshot[]): void;
  reject(error: unknown): void;
}

const maximumPathsTogether = 500;

/**
 * Reads that are asked for in the same turn of the event loop share calls to the store, each path once: many requests
 * at once then cost few round trips. All paths of one caller stay in one call, so they are still of one moment, and the
 * call starts after every one of its callers has asked. Paths must have been checked: a failure is everybody's.
 */
export function gatheredReads(read: Read): Read {
  let waiting: Asked[] = [];

  function start(): void {
    const asked = waiting;
    waiting = [];
    for (const group of groupsOf(asked)) void answer(group, read);
  }

  return (paths) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(start);
      waiting.push({ paths, resolve, reject });
    });
}

interface Group {
  paths: Set<string>;
  asked: Asked[];
}

function groupsOf(asked: readonly Asked[]): Group[] {
  const groups: Group[] = [];
  for (const one of asked) {
    let group = groups.at(-1);
    if (group === undefined || group.paths.size + one.paths.length > maximumPathsTogether) {
      group = { paths: new Set(), asked: [] };
      groups.push(group);
    }
    for (const path of one.paths) group.paths.add(path);
    group.asked.push(one);
  }
  return groups;
}

async function answer(group: Group, read: Read): Promise<void> {
  try {
    const snapshots = await read([...group.paths]);
    const byPath = new Map(snapshots.map((snapshot) => [snapshot.ref.path, snapshot]));
    for (const { paths, resolve } of group.asked) resolve(paths.flatMap((path) => byPath.get(path) ?? []));
  } catch (error) {
    for (const { reject } of group.asked) reject(error);
  }
}
