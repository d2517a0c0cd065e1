import { Agent, request } from "node:http";

/** What is asked again and again. */
export interface Target {
  port: number;
  path: string;
  headers: Record<string, string>;
}

const connections = 8;

/** Answers per second over kept connections until the time is over. Throws at the first answer that is not 200. */
export async function requestsPerSecond(target: Target, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const startedAt = performance.now();
  const end = startedAt + seconds * 1000;
  let answers = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      const { status, text } = await answerOf(target, agent);
      if (status !== 200) throw new Error(`${target.path} answered ${status}: ${text}`);
      answers += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, lane));
    return (answers * 1000) / (performance.now() - startedAt);
  } finally {
    agent.destroy();
  }
}

/** One whole answer. */
export function answerOf(
  { port, path, headers }: Target,
  agent: Agent | false = false,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers, agent }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
      );
      response.once("error", reject);
    });
    sent.once("error", reject);
    sent.end();
  });
}
