/** True for plain http to this machine, which development and tests may use where https is the rule. */
export function isLoopbackUrl(text: string): boolean {
  return /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(\/|$)/.test(text);
}
