/**
 * Counters and histograms of this process. In embedded mode they feed `/metrics`; a cloud function sees only its own
 * process, so there they go nowhere and the figures come from the log lines. No label carries an organization.
 */
export interface Metrics {
  count(name: MetricName, labels: Record<string, string>): void;
  observe(name: MetricName, labels: Record<string, string>, seconds: number): void;
  /** Prometheus text. */
  text(): Promise<string>;
}

export const metricDefinitions = {
  ca_requests_total: { kind: "counter", help: "Requests by function and status", labels: ["function", "status"] },
  ca_request_seconds: { kind: "histogram", help: "Latency of requests by function", labels: ["function"] },
  ca_messages_total: { kind: "counter", help: "Messages by function and outcome", labels: ["function", "outcome"] },
  ca_runs_total: { kind: "counter", help: "Runs that ended", labels: ["provider", "status", "trigger", "code"] },
  ca_quota_refusals_total: { kind: "counter", help: "Reservations refused by limit", labels: ["limit"] },
  ca_publications_total: { kind: "counter", help: "Ledger publications by kind", labels: ["kind"] },
  ca_fence_refusals_total: { kind: "counter", help: "Days not published because newer data stands", labels: [] },
  ca_leases_lost_total: { kind: "counter", help: "Runs that another took while a process worked on them", labels: [] },
  ca_quality_failures_total: {
    kind: "counter",
    help: "Failed expectations by kind and severity",
    labels: ["kind", "severity"],
  },
  ca_recoveries_total: { kind: "counter", help: "Runs taken over after a dead lease", labels: [] },
  ca_provider_calls_total: { kind: "counter", help: "Provider calls by status", labels: ["provider", "status"] },
  ca_provider_call_seconds: { kind: "histogram", help: "Latency of provider calls", labels: [] },
  ca_step_attempts_total: {
    kind: "counter",
    help: "Attempts of steps that ended, by how they ended",
    labels: ["processor", "outcome"],
  },
  ca_load_jobs_total: { kind: "counter", help: "Loads of batches into the warehouse", labels: ["table", "outcome"] },
  ca_transaction_retries_total: {
    kind: "counter",
    help: "Transactions that ran again because another was first, by function",
    labels: ["operation"],
  },
  ca_trigger_seconds: { kind: "histogram", help: "Time to accept a run, or to find the same one", labels: [] },
  ca_run_queue_seconds: { kind: "histogram", help: "From a run's creation to its first claim", labels: [] },
  ca_run_seconds: { kind: "histogram", help: "From a run's first claim to its end", labels: [] },
} as const;

/** Upper bounds in seconds: of requests and calls, of waits and runs, which last up to six hours. */
const shortBuckets = [0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10, 60];
const longBuckets = [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21_600];
const lasting: ReadonlySet<string> = new Set(["ca_run_queue_seconds", "ca_run_seconds"]);

export type MetricName = keyof typeof metricDefinitions;

export const noMetrics: Metrics = { count: () => {}, observe: () => {}, text: async () => "" };

/** Prometheus registry of this process. */
export async function prometheusMetrics(): Promise<Metrics> {
  // A CommonJS package in a bundle has no names but `default`.
  const { Counter, Histogram, Registry } = (await import("prom-client")).default;
  const registry = new Registry();
  const counters = new Map<string, InstanceType<typeof Counter>>();
  const histograms = new Map<string, InstanceType<typeof Histogram>>();
  for (const [name, { kind, help, labels }] of Object.entries(metricDefinitions)) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (kind === "counter") counters.set(name, new Counter(options));
    else histograms.set(name, new Histogram({ ...options, buckets: lasting.has(name) ? longBuckets : shortBuckets }));
  }
  return {
    count: (name, labels) => counters.get(name)?.inc(labels),
    observe: (name, labels, seconds) => histograms.get(name)?.observe(labels, seconds),
    text: () => registry.metrics(),
  };
}
