/** What a frame and all that is made of it hold. */
const frameBytes = 64 * 1024 * 1024;

/**
 * Frames lie outside of the memory that the collector sees: to it they are small objects that it may leave for later.
 * A buffer of their size, never touched and so never taken from the system, makes it collect in time.
 */
export function announceFrame(): void {
  Buffer.allocUnsafeSlow(frameBytes);
}
