/** A refusal in the form of Google's REST errors. */
export class RestError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }

  get body(): Record<string, unknown> {
    const { status: code, message, reason } = this;
    return { error: { code, message, errors: [{ message, domain: "global", reason }] } };
  }
}

export function notFound(what: string): RestError {
  return new RestError(404, "notFound", `Not found: ${what}`);
}

export function invalid(message: string): RestError {
  return new RestError(400, "invalid", message);
}
