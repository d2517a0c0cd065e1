const reflectedPolynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) === 1 ? reflectedPolynomial : 0);
  return remainder;
});

/**
 * CRC-32C (Castagnoli) as an unsigned 32-bit integer, RFC 3720 appendix B.4. Written here because the only installed
 * implementation comes with the whole Cloud Storage client, 80 ms of every cold start that seals something.
 */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
  return (remainder ^ 0xffffffff) >>> 0;
}
