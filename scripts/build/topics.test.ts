import { describe, expect, it } from "vitest";
import { loadFunctions } from "#scripts/start/functions.ts";
import { awaitedTopics, consumedTopics, everyTopic } from "./topics.ts";

const functions = await loadFunctions();

describe("the topics that have to exist", () => {
  it("are those that functions read, the scheduled ones' ticks, those that nobody reads yet, and dead letters, each once", async () => {
    const awaited = await awaitedTopics();

    const topics = everyTopic(functions, awaited);

    expect(topics).toEqual([...new Set(topics)].sort());
    expect(topics).toEqual(expect.arrayContaining(["mail", "tick-timers-tick", "dead-letter", ...awaited]));
    expect(topics).toHaveLength(consumedTopics(functions).length + awaited.length);
  });

  it("hold dead letters also where no function takes them", () => {
    expect(everyTopic({}, ["b", "a"])).toEqual(["a", "b", "dead-letter"]);
  });
});
