/** `npm start` as a process manager runs it: its own process is all that it knows. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ROOT } from "@armature/core";
import { afterEach, expect, test } from "vitest";

const STARTED_WITHIN_MS = 120_000;

let npm: ChildProcess | undefined;
afterEach(() => {
  npm?.kill("SIGKILL");
});

/** The addresses of both services, from what npm's process prints. */
async function startedServices(child: ChildProcess): Promise<string[]> {
  const urls: string[] = [];
  for await (const line of createInterface(child.stdout!)) {
    const url = /^ {2}(?:preprocessor|diffusion) +(http:\S+)/.exec(line)?.[1];
    if (url) urls.push(url);
    if (line.includes("Ctrl-C stops both")) return urls;
  }
  throw new Error("npm start ended before the services listened");
}

const answers = (url: string) =>
  fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );

test("SIGTERM to npm ends both services", { timeout: 2 * STARTED_WITHIN_MS }, async () => {
  const env = { ...process.env, PREPROCESSOR_PORT: "0", DIFFUSION_PORT: "0" };
  npm = spawn("npm", ["start"], { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  const urls = await startedServices(npm);
  expect(await Promise.all(urls.map(answers))).toEqual([true, true]);
  npm.stdout!.resume();
  npm.kill("SIGTERM");
  await once(npm, "exit");
  await expect.poll(() => Promise.all(urls.map(answers)), { timeout: 20_000 }).toEqual([false, false]);
});
