/** Calls `run` once after the delay; the answer calls it off. */
export type After = (delayMilliseconds: number, run: () => void) => () => void;

/** The system's timers. They do not keep the process alive. */
export const systemAfter: After = (delayMilliseconds, run) => {
  const timer = setTimeout(run, delayMilliseconds);
  timer.unref();
  return () => clearTimeout(timer);
};
