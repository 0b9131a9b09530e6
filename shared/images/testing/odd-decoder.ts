/** A decoder that crashes, hangs or prints, by the width that the order names: for tests of what is done about it. */
import { Socket } from "node:net";
import { ANSWERS_FD, type DecodeOrder, messageReader, writeMessage } from "../decoder/messages.js";
import { ODD_WIDTHS } from "./odd-widths.js";

const answers = new Socket({ fd: ANSWERS_FD, readable: false, writable: true });

process.stdin.on(
  "data",
  messageReader<DecodeOrder>(({ header: { width } }) => {
    if (width === ODD_WIDTHS.crashes) process.kill(process.pid, "SIGSEGV");
    else if (width === ODD_WIDTHS.spins) for (;;);
    else if (width === ODD_WIDTHS.floods) for (let i = 0; i < 1000; i++) console.log("x".repeat(10_000));
    if (width === ODD_WIDTHS.waits) return;
    writeMessage(answers, { type: "decoded", width: process.pid, height: 1 }, Buffer.from([1, 2, 3]));
  }),
);
writeMessage(answers, { type: "ready" });
