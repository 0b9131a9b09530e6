/** How quickly a service says that it is up while it works, told apart from how busy the machine is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

/** A server that has nothing else to do; it says its port. */
const IDLE_SERVER = `const server = require("node:http").createServer((_, res) => res.end("up"));
server.listen(0, "127.0.0.1", () => process.stdout.write(String(server.address().port)));
process.once("disconnect", () => process.exit());`;

/** The bound on a machine that does nothing else. */
const HEALTH_MS = 100;

/**
 * Asks `/healthz` at `url` again and again until `work` has ended: 99 of 100 answers come within 100 ms, or, on a machine so busy
 * that an idle server beside it is late as well, within three times what that one takes.
 */
export async function expectQuickHealth(url: string, work: Promise<unknown>): Promise<void> {
  const idle = spawn(process.execPath, ["-e", IDLE_SERVER], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  try {
    const [port] = await once(idle.stdout!, "data");
    const [healthMs, idleMs]: number[][] = [[], []];
    let working = true;
    void work.catch(() => {}).finally(() => (working = false));
    while (working) {
      healthMs!.push(await answerMs(`${url}/healthz`));
      idleMs!.push(await answerMs(`http://127.0.0.1:${port}/`));
      await delay(5);
    }
    await work;
    expect(healthMs!.length).toBeGreaterThan(20);
    expect(percentile99(healthMs!)).toBeLessThan(Math.max(HEALTH_MS, 3 * percentile99(idleMs!)));
  } finally {
    idle.disconnect();
  }
}

async function answerMs(url: string): Promise<number> {
  const start = performance.now();
  const answer = await fetch(url);
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
  return performance.now() - start;
}

function percentile99(times: number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(0.99 * times.length)]!;
}
