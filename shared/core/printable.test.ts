import { expect, test } from "vitest";
import { printable } from "./printable.js";

test.each([
  ["plain text, ä, 猫 and 🙂", "plain text, ä, 猫 and 🙂"],
  ["\u001b]0;title\u0007\u001b[2J", " ]0;title [2J"],
  ["C1: \u009b31m and \u0090x\u009c", "C1:  31m and  x "],
  ["two\r\nlines\tand\u007fmore\u0000", "two lines and more "],
  ["a\u202egnp.exe\u2066", "a gnp.exe "],
])("%j is shown as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});
