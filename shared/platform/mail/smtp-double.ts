import { createServer, type Socket } from "node:net";

/** A mail as it went over the wire. */
export interface ReceivedMail {
  from: string;
  to: string[];
  headers: Record<string, string>;
  /** Decoded. */
  subject: string;
  text: string;
}

/** A mail server on this machine that understands as much of RFC 5321 as a client needs. */
export interface SmtpDouble {
  url: string;
  received: ReceivedMail[];
  /** What it says to the receiver from now on. */
  mode: "right" | "busy" | "refuses receivers" | "refuses content" | "hangs up";
  close(): Promise<void>;
}

export async function startSmtpDouble(): Promise<SmtpDouble> {
  const sockets = new Set<Socket>();
  const double: SmtpDouble = { url: "", received: [], mode: "right", close: async () => {} };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    converse(socket, double);
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const address = server.address();
  double.url = `smtp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  double.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return double;
}

function converse(socket: Socket, double: SmtpDouble): void {
  let waiting = "";
  let content: string[] | undefined;
  let envelope = { from: "", to: [] as string[] };
  const say = (line: string): void => {
    socket.write(`${line}\r\n`);
  };
  const receiver = (line: string): void => {
    if (double.mode === "refuses receivers") say("550 5.1.1 no such mailbox");
    else if (double.mode === "busy") say("451 4.3.0 later");
    else {
      envelope.to.push(addressIn(line));
      say("250 ok");
    }
  };
  const commands: Record<string, (line: string) => void> = {
    MAIL: (line) => {
      envelope = { from: addressIn(line), to: [] };
      say("250 ok");
    },
    RCPT: receiver,
    DATA: () => {
      content = [];
      say("354 go on");
    },
    STAR: () => say("502 5.5.1 no TLS here"),
    QUIT: () => socket.end("221 bye\r\n"),
  };
  const take = (line: string): void => {
    if (content === undefined) {
      const command = commands[line.slice(0, 4).toUpperCase()];
      if (command === undefined) say("250 double");
      else command(line);
    } else if (line === ".") {
      const lines = content;
      content = undefined;
      const isTaken = double.mode !== "refuses content";
      if (isTaken) double.received.push({ ...envelope, ...parsed(lines) });
      say(isTaken ? "250 queued" : "554 5.7.1 spam");
    } else content.push(line.startsWith("..") ? line.slice(1) : line);
  };
  socket.on("data", (bytes) => {
    if (double.mode === "hangs up") {
      socket.destroy();
      return;
    }
    waiting += bytes.toString("utf8");
    const lines = waiting.split("\r\n");
    waiting = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  say("220 double ESMTP");
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? "";
}

function parsed(lines: readonly string[]): Pick<ReceivedMail, "headers" | "subject" | "text"> {
  const end = lines.indexOf("");
  const folded = lines
    .slice(0, end)
    .join("\n")
    .replace(/\n[ \t]+/g, " ");
  const headers = Object.fromEntries(
    folded
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = lines.slice(end + 1).join("\n");
  return {
    headers,
    subject: decodedWords(headers["subject"] ?? ""),
    text: decodedBody(body, headers).replace(/\n$/, ""),
  };
}

function decodedBody(body: string, headers: Record<string, string>): string {
  const encoding = headers["content-transfer-encoding"]?.toLowerCase();
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8").replace(/\r\n/g, "\n");
  return encoding === "quoted-printable" ? quotedPrintable(body.replace(/=\n/g, "")) : body;
}

/** RFC 2047. */
function decodedWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, (_all, kind: string, word: string) =>
      kind.toUpperCase() === "B"
        ? Buffer.from(word, "base64").toString("utf8")
        : quotedPrintable(word.replace(/_/g, " ")),
    );
}

function quotedPrintable(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const hex = text[at] === "=" ? text.slice(at + 1, at + 3) : "";
    if (/^[0-9A-F]{2}$/i.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else bytes.push(...Buffer.from(text[at] ?? ""));
  }
  return Buffer.from(bytes).toString("utf8");
}
