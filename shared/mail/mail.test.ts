import { describe, expect, it } from "vitest";
import { systemIds } from "#shared/platform/ids.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import type { Keys, Sealed } from "#shared/platform/keys/keys.ts";
import type { Letter, Mail } from "#shared/platform/mail/mail.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type MailName, type MailRequest, mailMessage, mailNames, sealMailToken } from "./mail-message.ts";
import { filled, mailText, mailTexts } from "./mail-texts.ts";
import { sendMail } from "./send-mail.ts";

const keys: Keys = envelopeKeys(localWrapper({ key: Buffer.alloc(32, 1), keyName: "test", keyVersion: "1" }));
const ids = systemIds;

async function config(): Promise<Configuration> {
  return readConfiguration({ ENVIRONMENT: "test", CONSOLE_URL: "https://console.example/" });
}

async function sent(request: MailRequest, refusal?: AppError): Promise<Letter> {
  const letters: Letter[] = [];
  const mail: Mail = {
    send: async (letter) => {
      if (refusal !== undefined) throw refusal;
      letters.push(letter);
    },
    kept: async () => [],
  };
  await sendMail(request, { keys, mail, config: await config() });
  return letters[0] as Letter;
}

describe("a mail", () => {
  it("carries its token sealed on the way and opened in the link's fragment only", async () => {
    const token = await sealMailToken("signin_secret", { keys, ids });
    const message = mailMessage({ name: "sign-in", to: "a@example.com", values: {}, token, next: "/costs?x=1" }, ids);

    const letter = await sent(message.payload as MailRequest);

    expect(JSON.stringify(message)).not.toContain("signin_secret");
    expect(letter.text).toContain("\nhttps://console.example/sign-in#token=signin_secret&next=%2Fcosts%3Fx%3D1\n");
    expect(letter).toMatchObject({
      id: token.mailId,
      to: "a@example.com",
      subject: "Your sign-in link for Cost Atlas",
    });
  });

  it("opens no token of another mail", async () => {
    const token = await sealMailToken("signin_secret", { keys, ids });
    const other = { mailId: ids.newId("mail"), sealed: token.sealed as Sealed & { alg: "A256GCM" } };
    const message = mailMessage({ name: "sign-in", to: "a@example.com", values: {}, token: other }, ids);

    await expect(sent(message.payload as MailRequest)).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
  });

  it("that no server takes for good is a dead letter at once; one that a server cannot take now comes again", async () => {
    const { payload } = mailMessage({ name: "sign-in", to: "a@example.com", values: {} }, ids);
    const refused = new AppError("MAIL_REFUSED", "no");
    const down = new AppError("MAIL_UNAVAILABLE", "later", { retryable: true });

    await expect(sent(payload as MailRequest, refused)).rejects.toMatchObject({ code: "MESSAGE_MALFORMED" });
    await expect(sent(payload as MailRequest, down)).rejects.toBe(down);
  });

  it("without a value for a placeholder is a dead letter", async () => {
    const { payload } = mailMessage({ name: "key-issued", to: "a@example.com", values: {} }, ids);

    await expect(sent(payload as MailRequest)).rejects.toMatchObject({ code: "MESSAGE_MALFORMED" });
  });
});

describe("the texts", () => {
  it.each(mailNames.map((name): [MailName] => [name]))("have one in English for %s", async (name) => {
    const { subject, text } = await mailText(name, "en");

    expect(subject).toMatch(/^\S.*\S$/);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("are English where a language lacks them", async () => {
    expect(await mailText("sign-in", "xx")).toBe(await mailText("sign-in", "en"));
    expect([...(await mailTexts()).keys()]).toContain("en");
  });

  it("take a value as it is: no placeholder and no pattern inside it counts", () => {
    expect(filled("{a} {b}", { a: "{b}", b: "$& $1" })).toBe("{b} $& $1");
    expect(() => filled("{constructor}", {})).toThrow("no value");
  });

  it("leave no gap where a value is empty", () => {
    expect(filled("a\n\n{b}\n\nc\n", { b: "" })).toBe("a\n\nc\n");
  });
});
