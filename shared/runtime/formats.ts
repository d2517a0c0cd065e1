import type { Format } from "ajv";
import { fullFormats } from "ajv-formats/dist/formats.js";

// Control characters, lone surrogates and the marks that reverse the direction of the text around them.
const unprintable = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;

/** The formats that schemas may name: the standard ones and `plain-text`, text as people type it. */
export const formats: Readonly<Record<string, Format>> = {
  ...fullFormats,
  "plain-text": { type: "string", validate: (text: string) => !unprintable.test(text) },
};
