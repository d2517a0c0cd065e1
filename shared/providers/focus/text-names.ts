/** Columns of text frames are named by place: delivered names may be anything. */
export function textName(place: number): string {
  return `d${place}`;
}

/** Not null where a record has more fields than the header. */
export const overflowName = "overflow";
