const behaviours = ["revoked", "forbidden", "inference", "empty", "golden"] as const;

/** What an account's suffix makes it do, the same at every vendor; `plain` has none. */
type Behaviour = "plain" | (typeof behaviours)[number];

export function behaviourOf(account: string): Behaviour {
  return behaviours.find((behaviour) => account.endsWith(`-${behaviour}`)) ?? "plain";
}
