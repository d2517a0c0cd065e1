interface LoggedRequest {
  /** Wall clock, so that rates and waits can be measured; the simulator's clock may stand still. */
  time: string;
  provider: string;
  method: string;
  path: string;
  query: string;
  /** `<public prefix>...<last four>`, null without a key. The key itself is never kept. */
  key: string | null;
  account: string | null;
  status: number;
  fault: string | null;
}

export interface RequestLog {
  add(entry: LoggedRequest): void;
  list(filter: { provider?: string | undefined; account?: string | undefined }): LoggedRequest[];
  clear(): void;
}

const kept = 100_000;

/** Remembers the last 100,000 calls to the simulated providers, oldest first. */
export function createRequestLog(): RequestLog {
  let entries: LoggedRequest[] = [];
  return {
    add: (entry) => {
      entries.push(entry);
      if (entries.length > kept * 1.1) entries = entries.slice(-kept);
    },
    list: ({ provider, account }) =>
      entries.filter(
        (entry) =>
          (provider === undefined || entry.provider === provider) &&
          (account === undefined || entry.account === account),
      ),
    clear: () => {
      entries = [];
    },
  };
}

/** How a key is shown: enough to tell keys apart, never enough to use one. */
export function fingerprint(key: string): string {
  const prefix = /^(sk-ant-admin-|sk-admin-|sk-or-|sk-ant-|sk-)/.exec(key)?.[0] ?? "";
  return key.length < 20 ? "..." : `${prefix}...${key.slice(-4)}`;
}
