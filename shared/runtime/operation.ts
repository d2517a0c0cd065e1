import { createHash } from "node:crypto";
import type { Answer, AnyHttpDeclaration, HttpRequest } from "./declaration.ts";
import { effectsOf } from "./effects.ts";
import { abandonUse, beginUse, idempotencyKey, type KeyUse, keyUse } from "./idempotency.ts";
import type { Given, PortName } from "./ports.ts";
import { bodyText, header, type RawRequest } from "./request.ts";
import { type Outcome, outcomeOf } from "./respond.ts";
import { responseProblems } from "./schema.ts";

type AnyRequest = HttpRequest<Record<string, string>, unknown, unknown>;

interface Operation {
  functionName: string;
  raw: RawRequest;
  /** What the caller presented: keys the stored answer. */
  secret: string;
  given: Given<PortName>;
}

/** Does what an admitted and valid request asks for, or repeats the answer stored under its `Idempotency-Key`. */
export async function operate(
  declaration: AnyHttpDeclaration,
  request: AnyRequest,
  operation: Operation,
): Promise<Outcome> {
  const { given } = operation;
  const use = await usedKey(declaration, request, operation);
  const stored = use === undefined ? undefined : await beginUse(use, given.documents);
  if (stored !== undefined)
    return { status: stored.status, headers: { ...stored.headers, "idempotency-replayed": "true" }, body: stored.body };
  try {
    const answer = await work(declaration, request, { ...operation, use });
    const outcome = outcomeOf(declaration, answer);
    await assertDeclared(declaration, outcome, given);
    return outcome;
  } catch (error) {
    if (use !== undefined) await abandonUse(use, given.documents).catch(() => {});
    throw error;
  }
}

async function usedKey(
  declaration: AnyHttpDeclaration,
  request: AnyRequest,
  { raw, secret, given, functionName }: Operation,
): Promise<KeyUse | undefined> {
  const key = header(raw.headers, "idempotency-key") ?? keyInQuery(declaration, raw);
  if (key === undefined || declaration.handle !== undefined || request.caller.kind === "public") return undefined;
  return keyUse({
    functionName,
    credentialId: request.caller.credentialId,
    secret,
    method: declaration.method,
    path: raw.path,
    key: idempotencyKey(key),
    query: raw.query.toString(),
    body: declaration.fileBody === undefined ? bodyText(raw) : fileText(raw.rawBody),
    holder: given.ids.newId("use"),
    sealAnswer: declaration.secretAnswer ?? false,
  });
}

/** Older clients of some endpoints send it so; those declare it. */
function keyInQuery({ query }: AnyHttpDeclaration, raw: Operation["raw"]): string | undefined {
  const isTaken = query?.["properties"]?.idempotency_key !== undefined;
  return isTaken ? (raw.query.get("idempotency_key") ?? undefined) : undefined;
}

/** What stands for a file in the fingerprint of a request. */
function fileText(bytes: Buffer): string {
  return JSON.stringify(createHash("sha256").update(bytes).digest("hex"));
}

async function work(
  declaration: AnyHttpDeclaration,
  request: AnyRequest,
  by: Operation & { use: KeyUse | undefined },
): Promise<Answer<unknown>> {
  const { given } = by;
  if (declaration.handle !== undefined) return declaration.handle(request, given);
  const effects = effectsOf(declaration, request, { use: by.use, given, client: request.client });
  if (declaration.steps !== undefined) {
    const answer = await declaration.steps(request, effects, given);
    if (given.config.ENVIRONMENT === "test" && !effects.isConcluded())
      throw new Error(
        `${declaration.method} ${declaration.path} answers without a conclusion: no audit row is written`,
      );
    return answer;
  }
  return effects.commit(async (change) => {
    await effects.prepare(change);
    const answer = await declaration.change?.(request, change, given);
    effects.conclude(change, answer);
    return answer;
  });
}

/** In tests an answer that its declaration does not describe is a failure; elsewhere it is not worth a customer's request. */
async function assertDeclared(
  declaration: AnyHttpDeclaration,
  outcome: Outcome,
  given: Given<PortName>,
): Promise<void> {
  if (given.config.ENVIRONMENT !== "test" || declaration.contentType !== undefined) return;
  const problems = await responseProblems(declaration.response, JSON.parse(JSON.stringify(outcome.body)));
  if (problems.length > 0)
    throw new Error(
      `${declaration.method} ${declaration.path} answers what it does not declare: ${JSON.stringify(problems)}`,
    );
  if (!(declaration.statuses ?? [200]).includes(outcome.status))
    throw new Error(`${declaration.path}: status ${outcome.status} is not declared`);
}
