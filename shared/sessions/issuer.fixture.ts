import type { webcrypto } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { json, type LoopbackServer, startLoopbackServer } from "#shared/platform/loopback/loopback-server.ts";

/** An OpenID Connect issuer on this machine, with keys to rotate and an answer to spoil. */
export interface IssuerDouble {
  url: string;
  audience: string;
  /** How often its keys were asked for. */
  asked(): number;
  /** What it answers from now on. */
  mode: "right" | "down" | "huge" | "garbage" | "redirect";
  /** A token as a person of this issuer would bring it; claims with the value undefined are left out. */
  token(claims?: Record<string, unknown>, how?: TokenOptions): Promise<string>;
  /** A new key in place of the old one; answers its `kid`. */
  rotate(): Promise<string>;
  close(): Promise<void>;
}

export interface TokenOptions {
  now?: Date;
  /** Signs with a key that the issuer does not publish. */
  isForged?: boolean;
  alg?: "RS256" | "ES256" | "EdDSA" | "PS256";
}

type CryptoKey = webcrypto.CryptoKey;

interface KeyPair {
  kid: string;
  alg: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

export async function startIssuerDouble(audience = "authenticated"): Promise<IssuerDouble> {
  const pairs = new Map<string, KeyPair>();
  let generation = 0;
  let asked = 0;
  const keyFor = async (alg: string): Promise<KeyPair> => {
    const kid = `${alg}-${generation}`;
    const known = pairs.get(kid);
    if (known !== undefined) return known;
    const pair = { kid, alg, ...(await generateKeyPair(alg, { extractable: true })) };
    pairs.set(kid, pair);
    return pair;
  };
  const published = async (): Promise<unknown> => {
    const current = [...pairs.values()].filter(({ kid }) => kid.endsWith(`-${generation}`));
    const keys = current.map(async ({ kid, alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg }));
    return { keys: await Promise.all(keys) };
  };
  const server: LoopbackServer = await startLoopbackServer(async ({ path }) => {
    if (double.mode === "down") return { status: 503, body: "down" };
    if (path === "/.well-known/openid-configuration")
      return json(200, { issuer: server.url, jwks_uri: `${server.url}/keys` });
    asked += 1;
    if (double.mode === "redirect") return { status: 302, headers: { location: `${server.url}/elsewhere` } };
    if (double.mode === "garbage") return { status: 200, body: "<html>" };
    if (double.mode === "huge") return json(200, { keys: [], filling: "x".repeat(70_000) });
    return json(200, await published());
  });
  const double: IssuerDouble = {
    url: server.url,
    audience,
    asked: () => asked,
    mode: "right",
    token: async (claims = {}, { now = new Date(), isForged = false, alg = "ES256" } = {}) => {
      const key = await keyFor(alg);
      const signer = isForged ? (await generateKeyPair(alg)).privateKey : key.privateKey;
      const seconds = Math.floor(now.getTime() / 1000);
      const standard = { iss: server.url, aud: audience, sub: "subject-1", iat: seconds, exp: seconds + 3_600 };
      const verified = { email: "ada@example.com", email_verified: true };
      return new SignJWT({ ...standard, ...verified, ...claims })
        .setProtectedHeader({ alg, kid: key.kid })
        .sign(signer);
    },
    rotate: async () => {
      generation += 1;
      return (await keyFor("ES256")).kid;
    },
    close: () => server.close(),
  };
  await keyFor("ES256");
  return double;
}
