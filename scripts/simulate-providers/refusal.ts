import type { Answer } from "./provider.ts";

/** Thrown while a call is read; carries the 4xx that the caller gets. Each vendor makes them in its own words. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(message: string, answer: Answer) {
    super(message);
    this.answer = answer;
  }
}
