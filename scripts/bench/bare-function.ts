import { http } from "@google-cloud/functions-framework";

/** What it answers: given as text, so that it is as long as the answer it is compared with. */
const answer: unknown = JSON.parse(process.env["BARE_ANSWER"] ?? '{"hello":"world"}');

http("bare", (_request, response) => {
  response.json(answer);
});
