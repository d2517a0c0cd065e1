import type { OAuth2Client } from "google-auth-library";

/** Credentials for a double on this machine: without any the BigQuery client looks for real ones and ends the process. */
export async function loopbackClient(): Promise<OAuth2Client> {
  // A CommonJS package in a bundle has no names but `default`.
  const { OAuth2Client } = (await import("google-auth-library")).default;
  const client = new OAuth2Client();
  client.setCredentials({ access_token: "loopback" });
  return client;
}
