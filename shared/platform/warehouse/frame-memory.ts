/** What a cell takes, but for the text in it. */
export const cellBytes = 16;

/** So much of frames may be done with before they are collected. */
const mostBytes = 160 * 1024 * 1024;
/** What the collector has to hear of to begin. */
const announcedBytes = 64 * 1024 * 1024;

let bytes = 0;

/**
 * Notes that frames of so many bytes are done with. They lie outside of the memory that the collector sees: to it they
 * are small objects that it may leave for later, until the machine has no memory left. A buffer of a large size, never
 * touched and so never taken from the system, makes it collect in time; too often would cost more than the frames did.
 */
export function framesDone(size: number): void {
  bytes += size;
  if (bytes < mostBytes) return;
  bytes = 0;
  Buffer.allocUnsafeSlow(announcedBytes);
}
