/** The real command as a process: what it prints, how it ends, and what survives when it is stopped or killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { builtFile } from "@armature/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inMemory, noise } from "../shared/fetch/testing/content.js";
import { seededRandom } from "../shared/fetch/testing/faults.js";
import { S3_CREDENTIALS, startS3Server } from "../shared/fetch/testing/s3-server.js";
import { controlnetFiles, DEPTH, WEIGHTS, WeightsLab } from "../shared/fetch/testing/weights-lab.js";

const COMMAND = builtFile("scripts/dist/fetch-weights.js");
const MB = 2 ** 20;

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(() => lab.close());

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function start(
  args: string[],
  env: Record<string, string> = {},
  shell = "",
): { child: ChildProcess; ended: Promise<Ended> } {
  const command = [process.execPath, COMMAND, ...args];
  const [program = "", ...rest] = shell ? ["sh", "-c", `${shell}; exec "$0" "$@"`, ...command] : command;
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, HOME: lab.root, HF_ENDPOINT: lab.server.endpoint, MODELS_DIR: lab.dir, ...env },
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  return { child, ended: new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err }))) };
}

const run = (args: string[], env?: Record<string, string>, shell?: string) => start(args, env, shell).ended;

test("--help answers with every option, the exit codes and the environment", async () => {
  const { code, out } = await run(["--help"]);
  expect(code).toBe(0);
  for (const word of [
    "--controlnets",
    "--frozen",
    "--mirror-to",
    "130 interrupted",
    "HF_TOKEN_HOSTS",
    "S3_FORCE_PATH_STYLE",
  ]) {
    expect(out).toContain(word);
  }
});

test.each([
  [[], "Nothing to fetch"],
  [["--controlnets", "dpth"], "did you mean depth?"],
  [["--modle", "x"], "Unknown option '--modle'"],
  [["depth"], "Unexpected argument 'depth'"],
  [["--controlnets", "depth", "--connections", "0"], "--connections wants a number from 1 to 64"],
  [["--controlnets", "depth", "--frozen", "--update"], "exclude each other"],
  [["--controlnets", "depth", "--from", "s3://UPPER"], "is no S3 address"],
])("%j is wrong usage: code 2 and one line", async (args, message) => {
  const { code, out, err } = await run(args);
  expect(code).toBe(2);
  expect(err).toContain(message);
  expect(err.trim().split("\n").length).toBe(1);
  expect(out).toBe("");
});

test("a dry run prints the plan, with what a clone would take, and touches nothing", async () => {
  lab.publishControlnet(1_000_000);
  const { code, out } = await run(["--controlnets", "depth", "--dry-run"]);
  expect(code).toBe(0);
  expect(out).toMatch(/control_v11f1p_sd15_depth \([0-9a-f]{8}, openrail\) {2}controlnet depth/);
  expect(out).toMatch(/diffusion_pytorch_model\.fp16\.safetensors +1\.00 MB {2}to fetch/);
  expect(out).toContain("1.00 MB to fetch. A full clone would take 5.00 MB, 5.0 times as much.");
  expect(await lab.files()).toEqual([]);
  const json = JSON.parse((await run(["--controlnets", "depth", "--dry-run", "--json"])).out);
  expect(json.plan.fetchBytes).toBe(1_000_034);
  expect(json.plan.repositories[0].files.map(({ path }: { path: string }) => path)).toEqual(["config.json", WEIGHTS]);
});

test("a fetch into MODELS_DIR ends with 0, in plain lines; the second asks the Hub nothing", async () => {
  const bytes = lab.publishControlnet(1_000_000);
  const first = await run(["--controlnets", "depth"]);
  expect(first.code).toBe(0);
  expect(first.out).toContain(`${DEPTH}/${WEIGHTS}: complete, hash agrees`);
  expect(first.out).not.toContain("\x1b");
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  const asked = lab.server.requests.length;
  const second = await run(["--controlnets", "depth", "--json"]);
  expect(second.code).toBe(0);
  expect(JSON.parse(second.out).fetchedBytes).toBe(0);
  expect(lab.server.requests.length).toBe(asked);
});

test("a network without weights that can be loaded ends with 1, and says what is there", async () => {
  const { [WEIGHTS]: _half, "diffusion_pytorch_model.safetensors": _full, ...bare } = controlnetFiles(noise(2000, 1));
  delete bare["diffusion_pytorch_model.bin"];
  const nonEma = { "diffusion_pytorch_model.non_ema.safetensors": inMemory(noise(3000, 1)) };
  lab.server.publish(DEPTH, { ...bare, ...nonEma });
  for (const args of [
    ["--controlnets", "depth"],
    ["--model", "some/model"],
  ]) {
    lab.server.publish("some/model", { ...bare, ...nonEma });
    const { code, err } = await run(args);
    expect(code).toBe(1);
    expect(err).toMatch(/has no weights that can be loaded: .*; found diffusion_pytorch_model\.non_ema\.safetensors/);
  }
  const half = { "diffusion_pytorch_model.bf16.safetensors": inMemory(noise(3000, 2)) };
  lab.server.publish(DEPTH, { ...bare, ...half });
  const { code, out } = await run(["--controlnets", "depth"]);
  expect(code).toBe(0);
  expect(out).toContain(`Note: ${DEPTH}: no ${WEIGHTS}; taking diffusion_pytorch_model.bf16.safetensors instead`);
});

test("a wait for the list is said with its reason; a refusal is not waited for; escape sequences stay out", async () => {
  lab.publishControlnet(5000);
  const failing = new Set(["/tree/", lab.server.cdnHost]);
  lab.server.fault = ({ host, path }) => {
    const place = host === "cdn" ? lab.server.cdnHost : "/tree/";
    const isFirst = (host === "cdn" || path.includes(place)) && failing.delete(place);
    return isFirst ? { kind: "status", status: 503 } : undefined;
  };
  const waited = await run(["--controlnets", "depth", "--json"]);
  expect(waited.code).toBe(0);
  expect(waited.err).toMatch(new RegExp(`^${DEPTH}: \\S+ answers 503; again in 1 s$`, "m"));
  expect(waited.err).toMatch(new RegExp(`^${DEPTH}/${WEIGHTS}: \\S+ answers 503; again in 1 s$`, "m"));
  expect(JSON.parse(waited.out).servedByOthers).toEqual([]);

  const escaping = Buffer.from("\u009b31mred").toString("latin1");
  lab.server.fault = () => ({ kind: "status", status: 418, headers: { "x-error-message": escaping } });
  lab.server.requests.length = 0;
  const refused = await run(["--controlnets", "canny"]);
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/answers 418/);
  expect(refused.err).not.toMatch(/\u009b|again in/);
  expect(lab.server.requests.length).toBe(1);
});

test("a repository that is gone: text and JSON say which other one served", async () => {
  const FIRST = "stable-diffusion-v1-5/stable-diffusion-v1-5";
  const names = ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"];
  const small = ["model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"];
  const configs = ["unet/config.json", "vae/config.json", "text_encoder/config.json"];
  const files = Object.fromEntries([
    ...names.map((name, i) => [`${name}.fp16.safetensors`, inMemory(noise(4000, i))] as const),
    ...[...small, ...configs].map((path, i) => [path, inMemory(noise(20, i))] as const),
  ]);
  lab.server.publish(FIRST, files);
  await run(["--model", "sd15"]);
  lab.server.remove(FIRST);
  lab.server.publish("sd-legacy/stable-diffusion-v1-5", files);
  for (const json of [false, true]) {
    await rm(join(lab.dir, FIRST), { recursive: true });
    const { code, out } = await run(["--model", "sd15", "--frozen", ...(json ? ["--json"] : [])]);
    expect(code).toBe(0);
    if (!json) expect(out).toContain(`${FIRST}: from sd-legacy/stable-diffusion-v1-5 came 10 files`);
    else expect(JSON.parse(out).servedByOthers.length).toBe(10);
  }
});

test("killed at random moments, it transfers less than one chunk a connection again", async () => {
  const size = 24 * MB;
  const bytes = lab.publishControlnet(size);
  const random = seededRandom(11);
  const [connections, chunkBytes] = [4, 16 * MB];
  lab.server.bytesPerSecond = 3e6;
  let kills = 0;
  let code: number | null = null;
  while (code === null) {
    const { child, ended } = start(["--controlnets", "depth"]);
    const sentBefore = lab.server.bytesSent;
    while (lab.server.bytesSent === sentBefore && child.exitCode === null) await sleep(10);
    const timer = kills < 5 ? setTimeout(() => child.kill("SIGKILL"), 50 + random() * 900) : undefined;
    code = (await ended).code;
    clearTimeout(timer);
    if (code === null) kills++;
    expect((await lab.files()).includes(`${DEPTH}/${WEIGHTS}`)).toBe(code === 0);
  }
  expect(code).toBe(0);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  const again = lab.server.bytesSent - size - 34;
  console.info(`${kills} kills: ${(again / kills / connections / MB).toFixed(2)} MB a connection again`);
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(again).toBeLessThan(kills * connections * (chunkBytes / 4));
  expect((await lab.files()).filter((name) => /part|owner|journal/.test(name))).toEqual([]);
});

test("Ctrl-C ends with 130, says so, and loses nothing that was received", async () => {
  const size = 8 * MB;
  const bytes = lab.publishControlnet(size);
  lab.server.bytesPerSecond = 1e6;
  const { child, ended } = start(["--controlnets", "depth"]);
  while (lab.server.bytesSent < 2 * MB) await sleep(10);
  child.kill("SIGINT");
  const { code, err } = await ended;
  expect(code).toBe(130);
  expect(err).toContain("the same command goes on from there");
  const sent = lab.server.bytesSent;
  lab.server.bytesPerSecond = undefined;
  expect((await run(["--controlnets", "depth"])).code).toBe(0);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  // Bytes that the server had handed to sockets, and nobody had read, come again.
  expect(lab.server.bytesSent - sent).toBeLessThan(size - sent + MB);
});

test("a fleet: one machine fills a bucket, another fetches from it", async () => {
  const bytes = lab.publishControlnet(100_000);
  const store = await startS3Server(join(lab.root, "store"), "weights");
  const env = { ...S3_CREDENTIALS, AWS_ENDPOINT_URL_S3: store.endpoint, S3_FORCE_PATH_STYLE: "true" };
  try {
    const filled = await run(["--controlnets", "depth", "--mirror-to", "s3://weights/fleet"], env);
    expect(filled.code).toBe(0);
    expect(filled.out).toContain(`s3://weights/fleet: ${DEPTH}/${WEIGHTS}: stored`);
    const asked = lab.server.requests.length;
    const second = join(lab.root, "second");
    const fetched = await run(["--controlnets", "depth", "--from", "s3://weights/fleet", "--dir", second], env);
    expect(fetched.code).toBe(0);
    expect((await readFile(join(second, DEPTH, WEIGHTS))).equals(bytes)).toBe(true);
    expect(lab.server.requests.length).toBe(asked);
  } finally {
    await store.close();
  }
});

test("two processes at once end with one good file, downloaded once", async () => {
  const bytes = lab.publishControlnet(4 * MB);
  lab.server.bytesPerSecond = 2e6;
  const ended = await Promise.all([run(["--controlnets", "depth"]), run(["--controlnets", "depth"])]);
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.server.bytesSent).toBe(4 * MB + 34);
  expect(ended.some(({ out }) => out.includes("another process fetches it; waiting"))).toBe(true);
});

test("verify ends with 3 if anything differs, and repair mends it", async () => {
  const bytes = lab.publishControlnet(100_000);
  await run(["--controlnets", "depth"]);
  expect((await run(["--verify"])).code).toBe(0);
  await writeFile(lab.path(WEIGHTS), noise(100_000, 5));
  const verified = await run(["--verify", "--controlnets", "depth"]);
  expect(verified.code).toBe(3);
  expect(verified.out).toContain(`wrong-hash   ${DEPTH}/${WEIGHTS}`);
  expect((await run(["--frozen", "--controlnets", "depth"])).code).toBe(3);
  expect((await run(["--repair", "--controlnets", "depth"])).code).toBe(0);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect((await run(["--frozen", "--controlnets", "depth"])).code).toBe(0);
});

test("prune never removes unasked: without a terminal it needs --yes", async () => {
  lab.publishControlnet(100_000);
  lab.server.publish("lllyasviel/Annotators", { "ControlNetHED.pth": inMemory(noise(9000, 1)) });
  await run(["--controlnets", "depth"]);
  const refused = await run(["--annotators", "softedge_hed", "--prune"]);
  expect(refused.code).toBe(2);
  expect(refused.out).toContain(`not needed: ${DEPTH}/${WEIGHTS}  100 KB`);
  expect(refused.err).toContain("Nothing was removed");
  expect((await stat(lab.path(WEIGHTS))).size).toBe(100_000);
  expect((await run(["--annotators", "softedge_hed", "--prune", "--yes"])).code).toBe(0);
  expect(await lab.files()).toEqual(["armature-weights.lock.json", "lllyasviel/Annotators/ControlNetHED.pth"]);
});

test("a disk that is full leaves no final file, and says so", async () => {
  lab.publishControlnet(4 * MB);
  // A limit on the length of files is the nearest to a full disk that needs no privilege: 512-byte blocks.
  const { code, err } = await run(["--controlnets", "depth"], {}, "ulimit -f 2048");
  expect(code).toBe(1);
  expect(err).toContain("no space is left (EFBIG)");
  expect(await lab.files()).not.toContain(`${DEPTH}/${WEIGHTS}`);
  expect((await run(["--controlnets", "depth"])).code).toBe(0);
});

test("a gated repository, a folder that is a file, and a lock file of nonsense end with one clear line", async () => {
  lab.publishControlnet(100_000);
  lab.server.protect(DEPTH, "hf_right", true);
  const gated = await run(["--controlnets", "depth"], {
    HF_TOKEN: "hf_secretsecret",
    HF_TOKEN_HOSTS: new URL(lab.server.endpoint).host,
  });
  expect(gated.code).toBe(1);
  expect(gated.err).toContain("is gated. Accept its terms at");
  expect(gated.err + gated.out).not.toContain("secretsecret");
  expect(lab.server.requests.at(-1)?.authorization).toBe("Bearer hf_secretsecret");

  await mkdir(lab.dir, { recursive: true });
  await writeFile(join(lab.dir, "file"), "");
  lab.server.protect(DEPTH, "hf_x", true);
  const misplaced = await run(["--controlnets", "depth", "--dir", join(lab.dir, "file")], {
    HF_TOKEN: "hf_x",
    HF_TOKEN_HOSTS: new URL(lab.server.endpoint).host,
  });
  expect(misplaced.code).not.toBe(0);
  expect(misplaced.err.trim().split("\n").length).toBe(1);

  await chmod(lab.dir, 0o755);
  await writeFile(join(lab.dir, "armature-weights.lock.json"), "{");
  const nonsense = await run(["--controlnets", "depth"]);
  expect(nonsense.code).toBe(2);
  expect(nonsense.err).toContain("the lock file is not JSON");
  expect(await readFile(join(lab.dir, "armature-weights.lock.json"), "utf8")).toBe("{");
});
