/** One decoder process, seen from the service: started, given one picture at a time, killed where it takes too long. */
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { fromWireError } from "@armature/core";
import { engineEnvironment } from "@armature/engine";
import type { RgbImage } from "@armature/pixels";
import { DecoderCrashed, UnsupportedImage } from "../errors.js";
import { type DecodeOrder, type DecoderAnswer, messageReader, writeMessage } from "./messages.js";

/** Found as the package's own export, so that tests of the source start the built one. */
const ENTRY = createRequire(import.meta.url).resolve("@armature/images/decoder");
/** Measured: 0.2 to 0.4 s, most of it for loading libvips. */
const START_TIMEOUT_MS = 30_000;
/** A process holds 78 MB after 150 pictures and some of 12 megapixels; with glibc's usual way 105. Other C libraries do not read it. */
const GLIBC_TUNABLES = "glibc.malloc.mmap_threshold=1048576:glibc.malloc.arena_max=2";
/** A client that left does not cost a process where its picture is nearly done: most take milliseconds, a start hundreds. */
const CANCEL_GRACE_MS = 250;
const KEPT_OUTPUT = 2_000;

export interface DecodeLimitsMs {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface Decoded {
  image: RgbImage;
  warning: string | undefined;
}

interface Waiter {
  resolve(answer: Decoded): void;
  reject(error: Error): void;
}

export class DecoderProcess {
  readonly #child: ChildProcess;
  readonly #orders: Socket;
  readonly #ready: Promise<void>;
  #waiter: Waiter | undefined;
  /** What ended the process, where this side did. */
  #killedFor: Error | undefined;
  #output = "";
  #ended = false;

  constructor(entry = ENTRY) {
    this.#child = spawn(process.execPath, ["--expose-gc", entry], {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      env: { ...engineEnvironment(process.env), GLIBC_TUNABLES },
    });
    const [orders, , output, answers] = this.#child.stdio as unknown as [Socket, null, Socket, Socket];
    this.#orders = orders;
    this.#ready = new Promise((resolve, reject) => {
      answers.on(
        "data",
        messageReader<DecoderAnswer>((answer, bytes) => this.#receive(answer, bytes, resolve)),
      );
      this.#child.once("error", (cause) => this.#end(`could not be started: ${cause.message}`, reject));
      this.#child.once("exit", (code, signal) => this.#end(signal ? `got ${signal}` : `exit code ${code}`, reject));
    });
    this.#ready.catch(() => {}); // who waits for an answer is told
    for (const pipe of [orders, answers]) pipe.on("error", () => {}); // the end of the process says it
    output.on("data", (text) => {
      this.#output = `${this.#output}${text}`.slice(-KEPT_OUTPUT);
    });
  }

  /** Whether it is gone, or will be in a moment: its last answer may come after it was killed. */
  get ended(): boolean {
    return this.#ended || this.#child.killed;
  }

  /** Settles when the process is free again, or gone: where `signal` aborts, soon after. */
  async decode(order: DecodeOrder, file: Uint8Array, { timeoutMs, signal }: DecodeLimitsMs): Promise<Decoded> {
    const answer = new Promise<Decoded>((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
    answer.catch(() => {});
    const timers = [setTimeout(() => this.kill(), START_TIMEOUT_MS)];
    const onAbort = () => timers.push(setTimeout(() => this.kill(), CANCEL_GRACE_MS));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#hold(true);
    try {
      await Promise.race([this.#ready, answer]);
      clearTimeout(timers[0]);
      timers.push(setTimeout(() => this.kill(tooSlow(order, timeoutMs)), timeoutMs));
      writeMessage(this.#orders, order, file);
      return await answer;
    } catch (error) {
      throw error instanceof DecoderCrashed ? crashed(order, error) : error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#hold(false);
      this.#waiter = undefined;
    }
  }

  kill(reason?: Error): void {
    this.#killedFor ??= reason;
    this.#child.kill("SIGKILL");
  }

  #receive(answer: DecoderAnswer, data: Buffer, onReady: () => void): void {
    if (answer.type === "ready") onReady();
    else if (answer.type === "failed") this.#waiter?.reject(fromWireError(answer.error));
    else {
      const { width, height, warning } = answer;
      this.#waiter?.resolve({ image: { data, width, height }, warning });
    }
  }

  #end(how: string, onFailedStart: (error: Error) => void): void {
    this.#ended = true;
    const error =
      this.#killedFor ?? new DecoderCrashed(how, { cause: new Error(`${how}; it printed: ${this.#output}`) });
    onFailedStart(error);
    this.#waiter?.reject(error);
  }

  /** A process that waits for work keeps nobody from ending. */
  #hold(busy: boolean): void {
    const handles = [this.#child, ...(this.#child.stdio as (Socket | null | undefined)[])];
    for (const handle of handles) busy ? handle?.ref() : handle?.unref();
  }
}

const tooSlow = ({ header }: DecodeOrder, timeoutMs: number) =>
  new UnsupportedImage(`This ${header.format} could not be decoded within ${timeoutMs / 1000} s; send a smaller one`);

const crashed = ({ header }: DecodeOrder, { cause }: DecoderCrashed) =>
  new DecoderCrashed(`The decoder ended unexpectedly amid this ${header.format}; send it again, or in another format`, {
    cause,
  });
