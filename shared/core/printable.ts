/** Control characters (C0, DEL and C1, which hold a terminal's escape sequences), and those that turn the direction of text. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** Text from outside as one line that is safe on a terminal and in a log: runs of control characters become one blank each. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, " ");
}
