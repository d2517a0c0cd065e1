/**
 * The port of outgoing mail. Delivery is at least once: a mail that is sent again under its id replaces the one before
 * where the transport keeps it, and bears the same Message-ID where it hands it on. Throws `MAIL_UNAVAILABLE`
 * (retryable), and `MAIL_REFUSED` when the transport will never take this mail.
 */
export interface Mail {
  send(letter: Letter): Promise<void>;
  /** Newest first, what the transport keeps, at most `limit`; none of one that hands mails on. */
  kept(filter: { to?: string; limit: number }): Promise<KeptLetter[]>;
}

export interface Letter {
  /** `mail_<ulid>`. */
  id: string;
  to: string;
  /** One line. */
  subject: string;
  /** Plain text, lines ended by `\n`. */
  text: string;
}

export interface KeptLetter extends Letter {
  /** RFC 3339, UTC. */
  sentAt: string;
}
