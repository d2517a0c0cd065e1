/** Reads documents as of one moment, in the order of their paths. */
type Read<S> = (paths: readonly string[]) => Promise<readonly S[]>;

interface Asked<S> {
  paths: readonly string[];
  resolve(found: S[]): void;
  reject(error: unknown): void;
}

interface Group<S> {
  paths: Set<string>;
  asked: Asked<S>[];
}

const maximumPathsTogether = 500;

/**
 * Reads that are asked for in the same turn of the event loop share calls to the store, each path once: many requests
 * at once then cost few round trips. All paths of one caller stay in one call, so they are still of one moment, and the
 * call starts after every one of its callers has asked. Paths must have been checked: a failure is everybody's.
 */
export function gatheredReads<S>(read: Read<S>): (paths: readonly string[]) => Promise<S[]> {
  let waiting: Asked<S>[] = [];

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

function groupsOf<S>(asked: readonly Asked<S>[]): Group<S>[] {
  const groups: Group<S>[] = [];
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

async function answer<S>(group: Group<S>, read: Read<S>): Promise<void> {
  try {
    const paths = [...group.paths];
    const found = await read(paths);
    const byPath = new Map(found.map((one, index) => [paths[index], one]));
    for (const { paths: wanted, resolve } of group.asked) resolve(wanted.flatMap((path) => byPath.get(path) ?? []));
  } catch (error) {
    for (const { reject } of group.asked) reject(error);
  }
}
