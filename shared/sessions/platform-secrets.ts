import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import { type PlatformKeysDocument, platformKeysPath, type SigningKey } from "#shared/access/platform-keys.ts";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import type { Ids } from "#shared/platform/ids.ts";
import type { Keys, Sealed } from "#shared/platform/keys/keys.ts";

/** What is needed to open the platform's own keys, or to make them at their first use. */
export interface SealedPlatformKeys {
  documents: Documents;
  keys: Keys;
  clock: Clock;
  ids: Ids;
}

const signingKeyMilliseconds = 90 * 86_400_000;
/** The signing key, the one whose tokens may still be about, and none older: it is not published any more. */
const keptSigningKeys = 2;
const csrfContext = "v1|platform|csrf";

/** Per document store: an opened key is worth a call to the key service, and changes every 90 days at most. */
const openedCsrf = new WeakMap<Documents, Uint8Array>();
const openedSigning = new WeakMap<Documents, OpenedSigningKey>();

interface OpenedSigningKey {
  kid: string;
  /** PKCS #8, DER. */
  privateKey: Uint8Array;
  createdAt: string;
}

/** What an unsafe request with this session's cookie must carry: it cannot be made without the platform's key. */
export async function csrfTokenOf(sessionId: string, by: SealedPlatformKeys): Promise<string> {
  const key = openedCsrf.get(by.documents) ?? (await openCsrfKey(by));
  return createHmac("sha256", key).update(sessionId, "utf8").digest("base64url");
}

async function openCsrfKey(by: SealedPlatformKeys): Promise<Uint8Array> {
  const stored = (await by.documents.get<PlatformKeysDocument>(platformKeysPath)).body?.csrf;
  const sealed = stored ?? (await makeCsrfKey(by));
  const key = await by.keys.open(sealed, csrfContext);
  openedCsrf.set(by.documents, key);
  return key;
}

async function makeCsrfKey(by: SealedPlatformKeys): Promise<Sealed> {
  const fresh = await by.keys.seal(randomBytes(32), csrfContext);
  return by.documents.transaction(async (tx) => {
    const { body } = await tx.get<PlatformKeysDocument>(platformKeysPath);
    if (body?.csrf !== undefined) return body.csrf;
    writeKeys({ ...body, csrf: fresh }, tx);
    return fresh;
  });
}

/** The key that signs access tokens; a new one takes its place after 90 days and both stay published. */
export async function signingKey(by: SealedPlatformKeys): Promise<OpenedSigningKey> {
  const now = by.clock.now();
  const opened = openedSigning.get(by.documents);
  if (opened !== undefined && !isOld(opened, now)) return opened;
  const stored = (await by.documents.get<PlatformKeysDocument>(platformKeysPath)).body?.signing?.[0];
  const current = stored === undefined || isOld(stored, now) ? await makeSigningKey(now, by) : stored;
  const privateKey = await by.keys.open(current.sealedPrivateKey, signingContext(current.kid));
  const key = { kid: current.kid, privateKey, createdAt: current.createdAt };
  openedSigning.set(by.documents, key);
  return key;
}

async function makeSigningKey(now: Date, by: SealedPlatformKeys): Promise<SigningKey> {
  const kid = by.ids.newId("sig");
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const sealedPrivateKey = await by.keys.seal(privateKey.export({ format: "der", type: "pkcs8" }), signingContext(kid));
  const fresh: SigningKey = {
    kid,
    x: String(publicKey.export({ format: "jwk" }).x),
    sealedPrivateKey,
    createdAt: now.toISOString(),
  };
  return by.documents.transaction(async (tx) => {
    const { body } = await tx.get<PlatformKeysDocument>(platformKeysPath);
    const current = body?.signing?.[0];
    if (current !== undefined && !isOld(current, now)) return current;
    writeKeys({ ...body, signing: [fresh, ...(body?.signing ?? [])].slice(0, keptSigningKeys) }, tx);
    return fresh;
  });
}

function isOld({ createdAt }: { createdAt: string }, now: Date): boolean {
  return now.getTime() - Date.parse(createdAt) >= signingKeyMilliseconds;
}

function writeKeys(document: PlatformKeysDocument, tx: Transaction): void {
  tx.set<PlatformKeysDocument>(platformKeysPath, document);
}

function signingContext(kid: string): string {
  return `v1|platform|signing|${kid}`;
}
