import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Letter, Mail } from "./mail.ts";

export interface MailUnderTest {
  mail: Mail;
  /** What has arrived where the transport brings mails, in the order of sending. */
  arrived(): Promise<Pick<Letter, "to" | "subject" | "text">[]>;
  close(): Promise<void>;
}

let sent = 0;

export function letter(change: Partial<Letter> = {}): Letter {
  sent += 1;
  const id = `mail_${String(sent).padStart(26, "0")}`;
  return { id, to: "ada@example.com", subject: "Hello", text: "One line.", ...change };
}

/** What every adapter of the port must do. */
export function mailContract(open: () => Promise<MailUnderTest>): void {
  describe("mail contract", () => {
    let under: MailUnderTest;
    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.close());

    it.each<[what: string, content: Pick<Letter, "subject" | "text">]>([
      [
        "plain",
        { subject: "Your link", text: "Hello,\n\nopen this:\n\nhttps://x.example/sign-in#token=signin_0Az\n\nBye" },
      ],
      ["of every script", { subject: "Überblick 東京 🧮 ürün", text: `Grüße,\n\n東京 🧮 مرحبا\n${"ä".repeat(300)}` }],
      ["with a line of one dot", { subject: "Dots", text: "a\n.\n..\nb" }],
      ["with a long line", { subject: "x".repeat(200), text: `https://x.example/#token=${"a".repeat(600)}` }],
      ["with markup", { subject: "<b> & {name}", text: "<script>alert(1)</script> =20 =3D {link}" }],
    ])("brings a mail unchanged: %s", async (_what, content) => {
      await under.mail.send(letter(content));

      expect(await under.arrived()).toEqual([{ to: "ada@example.com", ...content }]);
    });

    it("brings each mail to its one receiver", async () => {
      await under.mail.send(letter({ to: "one@example.com" }));
      await under.mail.send(letter({ to: "other+tag@example.com" }));

      expect((await under.arrived()).map(({ to }) => to)).toEqual(["one@example.com", "other+tag@example.com"]);
    });

    it.each<[what: string, change: Partial<Letter>]>([
      ["two receivers", { to: "a@example.com, b@example.com" }],
      ["a receiver with a name", { to: "Ada <a@example.com>" }],
      ["a receiver with a line break", { to: "a@example.com\r\nBcc: b@example.com" }],
      ["no receiver", { to: "" }],
      ["a header in the subject", { subject: "Hi\r\nBcc: b@example.com" }],
      ["no subject", { subject: "" }],
      ["an id that is a path", { id: "../../etc/passwd" }],
    ])("refuses %s for good and brings nothing", async (_what, change) => {
      await expect(under.mail.send(letter(change))).rejects.toMatchObject({ code: "MAIL_REFUSED", retryable: false });
      expect(await under.arrived()).toEqual([]);
    });

    it("shows what it keeps by receiver, newest first, and no more than asked", async () => {
      for (const to of ["a@example.com", "b@example.com", "A@example.com"]) await under.mail.send(letter({ to }));

      const all = await under.mail.kept({ limit: 50 });
      const ofOne = await under.mail.kept({ to: "a@EXAMPLE.com", limit: 50 });
      const first = await under.mail.kept({ limit: 1 });

      const isKept = all.length > 0;
      expect(all.map(({ to }) => to)).toEqual(isKept ? ["A@example.com", "b@example.com", "a@example.com"] : []);
      expect(ofOne.map(({ to }) => to)).toEqual(isKept ? ["A@example.com", "a@example.com"] : []);
      expect(first.map(({ to }) => to)).toEqual(isKept ? ["A@example.com"] : []);
    });
  });
}
