import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { letter, mailContract } from "./mail.contract.ts";
import { type SmtpDouble, startSmtpDouble } from "./smtp-double.ts";
import { smtpMail } from "./smtp-mail.ts";

const from = "Cost Atlas <no-reply@atlas.example>";

mailContract(async () => {
  const server = await startSmtpDouble();
  return {
    mail: smtpMail({ url: server.url, from }),
    arrived: async () => server.received.map(({ to, subject, text }) => ({ to: to.join(), subject, text })),
    close: () => server.close(),
  };
});

describe("mails over SMTP", () => {
  let server: SmtpDouble;

  beforeEach(async () => {
    server = await startSmtpDouble();
  });

  afterEach(() => server.close());

  it("bear the same Message-ID when they are sent again, and say that no person wrote them", async () => {
    const mail = smtpMail({ url: server.url, from });
    const same = letter({ id: "mail_1" });
    await mail.send(same);
    await mail.send(same);

    expect(server.received.map(({ headers }) => headers["message-id"])).toEqual([
      "<mail_1@atlas.example>",
      "<mail_1@atlas.example>",
    ]);
    expect(server.received[0]?.headers).toMatchObject({ "auto-submitted": "auto-generated", from });
  });

  it.each(["busy", "hangs up"] as const)("come again when the server %s", async (mode) => {
    server.mode = mode;

    await expect(smtpMail({ url: server.url, from }).send(letter())).rejects.toMatchObject({
      code: "MAIL_UNAVAILABLE",
      retryable: true,
    });
  });

  it.each(["refuses receivers", "refuses content"] as const)("never come again when the server %s", async (mode) => {
    server.mode = mode;

    await expect(smtpMail({ url: server.url, from }).send(letter())).rejects.toMatchObject({
      code: "MAIL_REFUSED",
      retryable: false,
    });
  });

  it("come again when there is no server, and the failure tells no password and no text", async () => {
    const address = new URL(server.url);
    await server.close();
    const url = `smtp://someone:hidden-password@127.0.0.1:${address.port}`;

    const error: unknown = await smtpMail({ url, from })
      .send(letter({ text: "secret-token" }))
      .catch((e: unknown) => e);

    expect(error).toMatchObject({ code: "MAIL_UNAVAILABLE", retryable: true });
    const told = `${String(error)} ${String((error as Error).cause)} ${(error as Error).stack ?? ""}`;
    expect(told).not.toMatch(/hidden-password|secret-token/);
  });

  it("do not go to another machine without TLS", async () => {
    // 127.0.0.2 is this machine under a name that the adapter does not know as such.
    const url = server.url.replace("127.0.0.1", "127.0.0.2");

    await expect(smtpMail({ url, from }).send(letter())).rejects.toMatchObject({ code: "MAIL_UNAVAILABLE" });
    expect(server.received).toEqual([]);
  });
});
