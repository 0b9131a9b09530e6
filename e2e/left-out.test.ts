/** Services over a folder in which some models cannot work: what they serve, and what they say of the others. */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { controlNetsResponse, modelsResponse, processorsResponse } from "@armature/contract";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServiceName, serviceEntry, startService } from "../scripts/services.js";
import { EMBEDDED_MODELS } from "../testing/model-folders.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "some-broken-"));
  for (const name of readdirSync(EMBEDDED_MODELS).filter((name) => !/\.|examples|training/.test(name))) {
    cpSync(join(EMBEDDED_MODELS, name), join(folder, name), { recursive: true });
  }
  for (const id of ["broken-pipe", "broken-tokenizer"]) {
    cpSync(join(EMBEDDED_MODELS, "tiny-sd"), join(folder, id), { recursive: true });
  }
  rmSync(join(folder, "broken-tokenizer/tokenizer/merges.txt"));
  rmSync(join(folder, "broken-pipe/unet/config.json"));
  execFileSync("mkfifo", [join(folder, "broken-pipe/unet/config.json")]);
  for (const id of ["controlnet-canny", "depth-dpt-tiny"]) writeFileSync(join(folder, id, "model.safetensors"), "no");
  rmSync(join(folder, "controlnet-canny/diffusion_pytorch_model.fp16.safetensors"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const environment = (more: object = {}) => ({ PORT: "0", LOG_LEVEL: "error", MODELS_DIR: folder, ...more });
const TOO_SHORT = "model.safetensors: 2 bytes are too few for a safetensors file";

async function started(service: ServiceName, more: object = {}) {
  const lines: string[] = [];
  const running = await startService(service, environment(more), (line) => lines.push(line));
  const get = async (path: string) => (await fetch(running.url + path)).json();
  return { ...running, lines, get };
}

/** A start that fails → what it prints. */
function failure(service: ServiceName, more: object): Promise<string> {
  const env = { ...process.env, ...environment(more) };
  return new Promise((done) => execFile(process.execPath, [serviceEntry(service)], { env }, (_, __, err) => done(err)));
}

test("models and ControlNets that cannot work are listed with the reason and logged, the others served", async () => {
  const service = await started("diffusion");
  const { models, left_out: leftOut } = modelsResponse.parse(await service.get("/models"));
  expect(models.map(({ id }) => id)).toEqual(["tiny-sd"]);
  const broken = [
    { id: "broken-pipe", reason: "unet/config.json: is not a file" },
    { id: "broken-tokenizer", reason: "tokenizer/merges.txt: cannot be opened (ENOENT)" },
  ];
  expect(leftOut).toEqual(broken);
  const nets = controlNetsResponse.parse(await service.get("/controlnets"));
  expect(nets.controlnets.map(({ type }) => type)).toEqual(["depth"]);
  expect(nets.left_out).toEqual([{ id: "controlnet-canny", reason: TOO_SHORT }]);
  expect(service.lines.map((line) => JSON.parse(line))).toMatchObject([...broken, { id: "controlnet-canny" }]);
  await vi.waitFor(async () => expect((await fetch(`${service.url}/readyz`)).status).toBe(200), { timeout: 30_000 });
  await service.stop();
});

test("a processor whose model cannot work is not served, and the model is listed with the reason", async () => {
  const service = await started("preprocessor");
  const { processors, left_out: leftOut } = processorsResponse.parse(await service.get("/processors"));
  expect(processors.map(({ id }) => id)).toEqual(["canny"]);
  expect(leftOut).toEqual([{ id: "depth-dpt-tiny", reason: TOO_SHORT }]);
  await service.stop();
});

test.each<[ServiceName, object, RegExp]>([
  [
    "diffusion",
    { MODELS: "tiny-sd,broken-tokenizer" },
    /^diffusion: \S+broken-tokenizer\/tokenizer\/merges\.txt: cannot/,
  ],
  ["diffusion", { CONTROLNETS: "canny" }, /^diffusion: \S+controlnet-canny\/model\.safetensors: 2 bytes/],
  ["preprocessor", { DEPTH_MODEL: "depth-dpt-tiny" }, /^preprocessor: \S+depth-dpt-tiny\/model\.safetensors: 2 bytes/],
])("%s with %o ends its start with one line that names the file", async (service, more, line) => {
  const printed = await failure(service, more);
  expect(printed).toMatch(line);
  expect(printed.trim().split("\n")).toHaveLength(1);
});

test("WARM that fails keeps the service from being ready, and says what and why", async () => {
  const service = await started("diffusion", { WARM: "tiny-sd", MEMORY_BUDGET_GB: "0.01" });
  const reason = /WARM: tiny-sd could not be loaded: .*the memory budget is 0\.01 GB/;
  const unready = async () =>
    expect(await service.get("/readyz")).toMatchObject({ detail: expect.stringMatching(reason) });
  await vi.waitFor(unready, { timeout: 30_000 });
  expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
  await service.stop();
});
