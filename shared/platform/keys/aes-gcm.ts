import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

export interface GcmSealed {
  nonce: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
}

/** AES-256-GCM with a fresh random 96-bit nonce and a 128-bit tag. */
export function encryptGcm(key: Uint8Array, plaintext: Uint8Array, additionalData: Uint8Array): GcmSealed {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { nonce, ciphertext, tag: cipher.getAuthTag() };
}

/** The plaintext; throws where any part, the key or the additional data is not that of the encryption. */
export function decryptGcm(key: Uint8Array, sealed: GcmSealed, additionalData: Uint8Array): Buffer {
  if (sealed.nonce.length !== nonceBytes || sealed.tag.length !== tagBytes)
    throw new Error("nonce or tag has a wrong length");
  const decipher = createDecipheriv(algorithm, key, sealed.nonce, { authTagLength: tagBytes });
  decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.tag);
  return Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]);
}

/** nonce, ciphertext, tag in one piece. */
export function joinGcm({ nonce, ciphertext, tag }: GcmSealed): Buffer {
  return Buffer.concat([nonce, ciphertext, tag]);
}

/** The parts of `joinGcm`; throws when there is too little for them. */
export function splitGcm(joined: Buffer): GcmSealed {
  if (joined.length < nonceBytes + tagBytes) throw new Error("too short");
  const end = joined.length - tagBytes;
  return {
    nonce: joined.subarray(0, nonceBytes),
    ciphertext: joined.subarray(nonceBytes, end),
    tag: joined.subarray(end),
  };
}
