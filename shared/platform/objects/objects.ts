/** The port of files as delivered. Names are `[A-Za-z0-9._~=-]` segments joined by `/`, at most 500 bytes. */
export interface Objects {
  /** Replaces atomically: a reader sees the old bytes or the new. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Undefined when there is no such object. */
  get(name: string): Promise<Uint8Array | undefined>;
  /**
   * Bytes from `start` (included) to `end` (excluded), fewer where the object ends before; undefined when there is no such
   * object. For files that are larger than memory: nothing checks these bytes, who needs them right checks the whole.
   */
  getRange(name: string, start: number, end: number): Promise<Uint8Array | undefined>;
  /** Names under the prefix, in order of code points, at most `limit` (default 1,000) after `after`. */
  list(prefix: string, page?: { after?: string; limit?: number }): Promise<string[]>;
  /** No error when there is no such object. */
  delete(name: string): Promise<void>;
}
