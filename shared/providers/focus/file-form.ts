import { fileRefused } from "./refusal.ts";

export type FileForm = "csv" | "gzip" | "parquet";

const marks: readonly { form: FileForm | "zip" | "zstd"; bytes: readonly number[] }[] = [
  { form: "gzip", bytes: [0x1f, 0x8b] },
  { form: "parquet", bytes: [0x50, 0x41, 0x52, 0x31] },
  { form: "zip", bytes: [0x50, 0x4b, 0x03, 0x04] },
  { form: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
];

/** Told by the first bytes, never by the name: whatever is not marked is text. */
export function fileForm(bytes: Uint8Array): FileForm {
  if (bytes.length === 0) throw fileRefused("The file is empty.", { rule: "empty_file" });
  const found = marks.find((mark) => mark.bytes.every((byte, at) => bytes[at] === byte))?.form ?? "csv";
  if (found === "zip" || found === "zstd")
    throw fileRefused(`A ${found} file is not read; send CSV, CSV compressed with gzip, or Parquet.`, {
      rule: "file_form",
    });
  return found;
}
