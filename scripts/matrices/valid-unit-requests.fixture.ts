import type { Example, Making } from "./making.fixture.ts";

export function unitMetricRequests(): Record<string, Example> {
  const request = ({ unique }: Making) => ({
    metric: unique("m_")
      .toLowerCase()
      .replace(/[^a-z0-9_]/g, "_"),
    display_name: "Metric",
    unit_name: "unit",
    kind: "count",
  });
  const stored = async (at: Making): Promise<{ metric: string }> => {
    const { metric } = await at.made("POST", `/unit-economics/${at.alpha.slug}/metrics`, request(at));
    return { metric: String(metric) };
  };
  return {
    "unit-metric-create": (at) => ({ body: request(at) }),
    "unit-metric-update": async (at) => ({ params: await stored(at), body: { unit_name: "customer" } }),
    "unit-metric-delete": async (at) => ({ params: await stored(at) }),
    "unit-metric-import": async (at) => ({
      params: await stored(at),
      body: { csv_content: "day,dimension,quantity\n2026-07-01,,5\n" },
    }),
    "unit-metric-values-put": async (at) => ({
      params: await stored(at),
      body: { values: [{ day: "2026-07-01", quantity: "5" }] },
    }),
  };
}
