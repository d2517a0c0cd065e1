import { describe, expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";

describe("crc32c", () => {
  // RFC 3720 appendix B.4, and the check value of the Rocksoft catalogue.
  it.each([
    ["nothing", Buffer.alloc(0), 0],
    ["the check string", Buffer.from("123456789"), 0xe3069283],
    ["32 bytes of zeroes", Buffer.alloc(32), 0x8a9136aa],
    ["32 bytes of ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
    ["32 incrementing bytes", Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ["32 decrementing bytes", Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c],
  ])("has the known value for %s", (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});
