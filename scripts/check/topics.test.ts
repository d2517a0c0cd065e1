import { describe, expect, it } from "vitest";
import { topicFaults } from "./topics.ts";

const known = { consumed: ["mail", "pipeline-openai"], awaited: [] };

function problems(text: string, at: { consumed: string[]; awaited: string[] } = known): string[] {
  return topicFaults([{ path: "shared/x/x.ts", text }], at).map(({ problem }) => problem);
}

describe("the topics that messages go to", () => {
  it.each([
    ["a text", 'change.publish({ topic: "mail", payload, attributes: {} });'],
    ["a constant of any room", 'export const mailTopic = "mail";\nreturn { topic: mailTopic, payload };'],
    ["a template that fits one", `return { topic: \`pipeline-\${run.provider}\`, payload };`],
    ["history, which is no message", 'const historyTopic = "history";\nconst m = { topic: historyTopic };'],
    ["what is only passed on", "await topics.publish([{ topic: body.topic, payload }]);\ntype M = { topic: string };"],
  ])("are read by a function where they are written as %s", (_what, text) => {
    expect(problems(text)).toEqual([]);
  });

  it.each([
    ["a text", 'publish({ topic: "mails", payload })', '"mails"'],
    ["a constant", 'const lostTopic = "lost";\npublish({ topic: lostTopic })', "lostTopic"],
    ["a template", `publish({ topic: \`line-\${provider}\` })`, `\`line-\${provider}\``],
  ])("are found when nobody reads them, written as %s", (_what, text, written) => {
    expect(problems(text)).toEqual([
      `names the topic ${written}, which no function reads: see configs/system/awaited-topics.yml`,
    ]);
  });

  it("are written so that the check can tell them", () => {
    expect(problems("publish({ topic: chosen, payload })")).toEqual([
      "names the topic chosen: no check can tell which",
    ]);
  });

  it("may wait for their function on the list, which holds no other", () => {
    const text = 'publish({ topic: "org-deleted" })';

    expect(problems(text, { consumed: [], awaited: ["org-deleted"] })).toEqual([]);
    expect(problems(text, { consumed: ["org-deleted"], awaited: ["org-deleted"] })).toEqual([
      "org-deleted is read by a function: take it off",
    ]);
    expect(problems(text, { consumed: ["org-deleted"], awaited: ["org-gone"] })).toEqual([
      "nothing publishes to org-gone: take it off",
    ]);
  });
});
