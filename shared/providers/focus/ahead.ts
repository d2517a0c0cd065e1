/**
 * The results of `work` over a source, in its order. One result is being made while the one before it is used; errors
 * come at the place of the value they belong to. Ends the source when its user stops.
 */
export async function* ahead<T, R>(source: AsyncIterable<T>, work: (value: T) => Promise<R>): AsyncGenerator<R> {
  const iterator = source[Symbol.asyncIterator]();
  const step = async (): Promise<{ value: R } | undefined> => {
    const next = await iterator.next();
    return next.done === true ? undefined : { value: await work(next.value) };
  };
  const started = (): ReturnType<typeof step> => {
    const made = step();
    // It is waited for in its turn; until then it must not count as unhandled.
    made.catch(() => {});
    return made;
  };
  let next = started();
  try {
    for (;;) {
      const made = await next;
      if (made === undefined) return;
      next = started();
      yield made.value;
    }
  } finally {
    await next.catch(() => {});
    await iterator.return?.();
  }
}
