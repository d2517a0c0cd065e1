/** A customer's view of the platform: HTTP and nothing else. */
export interface PlatformClient {
  get(path: string): Promise<Json>;
  post(path: string, body: unknown): Promise<Json>;
  postFile(path: string, bytes: Uint8Array): Promise<Json>;
}

export type Json = Record<string, unknown>;

/** Calls with these headers; an answer that is no success is thrown in the platform's own words. */
export function platformClient(url: string, headers: Record<string, string>): PlatformClient {
  const call = async (method: string, path: string, body?: string | Uint8Array): Promise<Json> => {
    const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    const answer = (await response.json()) as Json;
    if (response.ok) return answer;
    throw new Error(`${method} ${path}: ${response.status} ${String(answer["error"])}: ${String(answer["message"])}`);
  };
  return {
    // A kept connection may be closed in the moment it is used again; a read is simply repeated.
    get: (path) =>
      call("GET", path).catch((error: unknown) =>
        error instanceof TypeError ? call("GET", path) : Promise.reject(error),
      ),
    post: (path, body) => call("POST", path, JSON.stringify(body)),
    postFile: (path, bytes) => call("POST", path, bytes),
  };
}
