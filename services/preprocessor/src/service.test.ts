/** The preprocessor as a process of its own, over HTTP. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processorsResponse } from "@armature/contract";
import { decodeImage, sharp } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enginePid } from "../../../scripts/service-engine.js";
import { type ServiceProcess, serviceEntry, startService } from "../../../scripts/services.js";
import { fixturePath } from "../../../testing/golden.js";
import { expectQuickHealth } from "../../../testing/health-times.js";
import { expectSamePixels, readRgb } from "../../../testing/picture.js";

const COFFEE = fixture("images/coffee.png");
const EDGES = "preprocess/canny/coffee-100-200.png";
const SCENE = fixture("embedded/inputs/purple-sphere-and-orange-cube.png");

/** Share of pixels whose level may differ: another CPU rounds float32 otherwise, and a level may fall over its edge. */
const MAX_SHARE_OF_LEVELS = 0.01;

let service: ServiceProcess;
beforeAll(async () => {
  service = await startService("preprocessor", { PORT: "0", LOG_LEVEL: "error" });
});
afterAll(() => service.stop());

describe("POST /image/{processor}", () => {
  test("canny gives OpenCV's pixels, as lossless WebP with its times", async () => {
    const { answer, image } = await annotate("canny", COFFEE);
    expect(answer.headers.get("content-type")).toBe("image/webp");
    const [inference, request] = ["x-inference-time", "x-request-time"].map((name) => Number(answer.headers.get(name)));
    expect(inference).toBeGreaterThan(0);
    expect(request).toBeGreaterThan(inference!);
    expect(request).toBeLessThan(60);
    expectSamePixels(image, await readRgb(EDGES));
  });

  test("options are query parameters", async () => {
    const { image } = await annotate("canny?low_threshold=300&high_threshold=800&aperture=5", COFFEE);
    expectSamePixels(image, await readRgb("preprocess/canny/coffee-300-800-aperture5.png"));
    const l2 = await annotate("canny?l2_gradient=true", COFFEE);
    expectSamePixels(l2.image, await readRgb("preprocess/canny/coffee-100-200-l2.png"));
  });

  test("depth_midas draws the depth that transformers draws, and PNG holds the same pixels", async () => {
    const { image } = await annotate("depth_midas", SCENE);
    await expectNear(image, "embedded/depth-dpt-tiny/depth.png");
    const png = await annotate("depth_midas", SCENE, { accept: "image/png" });
    expect(png.answer.headers.get("content-type")).toBe("image/png");
    expectSamePixels(png.image, image);
  });

  test.each([
    ["PNG", (picture: Buffer) => sharp(picture).png()],
    ["WebP", (picture: Buffer) => sharp(picture).webp({ lossless: true })],
    ["TIFF", (picture: Buffer) => sharp(picture).tiff({ compression: "lzw" })],
    ["JPEG", (picture: Buffer) => sharp(picture).jpeg({ quality: 80 })],
    ["AVIF", (picture: Buffer) => sharp(picture).avif({ effort: 0 })],
    ["GIF", (picture: Buffer) => sharp(picture).gif({ effort: 1 })],
  ])("takes %s", async (_, encode) => {
    const file = await encode(COFFEE).toBuffer();
    const { image } = await annotate("canny", file);
    expectSamePixels(image, (await annotate("canny", await lossless(await decoded(file)))).image);
    expect([image.width, image.height]).toEqual([600, 400]);
  });

  test("the EXIF orientation is applied", async () => {
    const lying = await sharp(COFFEE).withMetadata({ orientation: 6 }).png().toBuffer();
    const upright = await sharp(COFFEE).rotate(90).png().toBuffer();
    const { image } = await annotate("canny", lying);
    expect([image.width, image.height]).toEqual([400, 600]);
    expectSamePixels(image, (await annotate("canny", upright)).image);
  });

  test("transparent parts are white", async () => {
    const hole = { create: { width: 90, height: 60, channels: 4 as const, background: "#00000000" } };
    const shape = { input: { create: { width: 30, height: 20, channels: 4 as const, background: "#101010ff" } } };
    const { image } = await annotate("canny", await sharp(hole).composite([shape]).png().toBuffer());
    const flat = await sharp(hole).composite([shape]).flatten({ background: "white" }).png().toBuffer();
    expect(image.data.some((level) => level === 255)).toBe(true);
    expectSamePixels(image, (await annotate("canny", flat)).image);
  });

  test.each([
    ["base64", (data: string) => data],
    ["a data: URL", (data: string) => `data:image/png;base64,${data}`],
  ])("JSON carries the picture as %s", async (_, form) => {
    const body = JSON.stringify({ image: form(COFFEE.toString("base64")) });
    const { image } = await annotate("canny", body, { "content-type": "application/json" });
    expectSamePixels(image, await readRgb(EDGES));
  });

  test("identical bytes give identical bytes, also side by side", async () => {
    const files = await Promise.all(Array.from({ length: 4 }, async () => (await annotate("depth_midas", SCENE)).file));
    for (const file of files) expect(file.equals(files[0]!)).toBe(true);
  });

  test("a picture of one pixel has no edge and no depth", async () => {
    const pixel = await sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    for (const processor of ["canny", "depth_midas"]) {
      const { image } = await annotate(processor, pixel);
      expect(image).toMatchObject({ width: 1, height: 1 });
      expect([...image.data]).toEqual([0, 0, 0]);
    }
  });
});

describe("what the service tells", () => {
  test("GET /processors lists each processor with the schema of its options, and says what computes", async () => {
    const answer = await (await fetch(`${service.url}/processors`)).json();
    const { device, processors } = processorsResponse.parse(answer);
    expect(device).toMatchObject({ name: "cpu", checks: [], rejected: [] });
    expect(processors.map(({ id }) => id)).toEqual(["canny", "depth_midas"]);
    expect(processors[0]!.options).toMatchObject({
      type: "object",
      additionalProperties: false,
      properties: { low_threshold: { type: "number", default: 100 } },
    });
  });

  test("GET /openapi.json and /docs describe the routes, GET /readyz and /metrics answer", async () => {
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(["/image/{processor}", "/processors"]));
    expect(await (await fetch(`${service.url}/docs`)).text()).toContain("low_threshold");
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    const metrics = await metricsOf(service);
    expect(metrics).toContain('preprocessor_inference_duration_seconds_count{processor="canny"}');
    expect(metrics).toMatch(/model_resident_bytes\{model="depth-dpt-tiny"\} \d+/);
  });
});

describe("the process", () => {
  test("answers /healthz at once while depth is estimated, with the model that DEPTH_MODEL names", async () => {
    const env = { MODELS_DIR: fixturePath("models"), DEPTH_MODEL: "dpt-hybrid-random", WARM: "depth_midas" };
    await withService(env, async (hybrid) => {
      await expectNear(
        (await annotate("depth_midas", COFFEE, {}, hybrid)).image,
        "components/dpt-hybrid-random-depth.png",
      );
      const work = Promise.all(Array.from({ length: 4 }, () => annotate("depth_midas", COFFEE, {}, hybrid)));
      await expectQuickHealth(hybrid.url, work);
    });
  });

  test("a killed engine costs the picture in it, which gets a clear error; the next one is made", async () => {
    await withService({}, async (victim) => {
      await annotate("canny", SCENE, {}, victim); // the engine is up
      const pid = enginePid(victim)!;
      const before = cpuTicks(pid);
      const running = post("canny?aperture=7&l2_gradient=true", await grey(4000), {}, victim);
      while (cpuTicks(pid) < before + 30) await delay(20); // 0.3 s of some 2 s of work are done
      process.kill(pid, "SIGKILL");
      const answer = await running;
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ code: "engine-crashed", detail: expect.stringContaining("engine") });
      expectSamePixels((await annotate("canny", COFFEE, {}, victim)).image, await readRgb(EDGES));
    });
  });

  test("SIGTERM lets running work end, then the process exits with 0", async () => {
    const ending = await startService("preprocessor", { PORT: "0", LOG_LEVEL: "error" });
    const running = annotate("canny", await grey(2000), {}, ending);
    while (!/^jobs_running\{stage="preprocessor"\} 1$/m.test(await metricsOf(ending))) await delay(5);
    const code = ending.stop();
    expect((await running).image).toMatchObject({ width: 2000, height: 2000 });
    expect(await code).toBe(0);
  });

  test("a processor whose model is not there is not listed, and asking for it says what to fetch", async () => {
    const empty = mkdtempSync(join(tmpdir(), "armature-no-models-"));
    await withService({ MODELS_DIR: empty }, async (poor) => {
      const { processors } = (await (await fetch(`${poor.url}/processors`)).json()) as { processors: { id: string }[] };
      expect(processors.map(({ id }) => id)).toEqual(["canny"]);
      const answer = await post("depth_midas", SCENE, {}, poor);
      expect(answer.status).toBe(404);
      expect((await answer.json()) as object).toMatchObject({
        detail: expect.stringContaining("fetch-weights -- --annotators depth_midas"),
      });
    });
    rmSync(empty, { recursive: true });
  });

  test.each<[Record<string, string>, RegExp[]]>([
    [{ PORT: "many" }, [/^preprocessor: PORT: wants a number, found "many"$/]],
    [
      { DEPTH_MODEL: "../depth", THREADS: "0", URL_SOURCES: "perhaps" },
      [/DEPTH_MODEL: .*model id/, /^THREADS: wants at least 1, found "0"$/, /^URL_SOURCES: wants true or false/],
    ],
    [{ DEPTH_MODEL: "depth-dtp" }, [/^preprocessor: DEPTH_MODEL: depth-dtp is no DPT model.*depth-dpt-tiny$/]],
    [{ MODELS_DIR: "/nowhere" }, [/^preprocessor: MODELS_DIR: \/nowhere is not a folder$/]],
    [{ WARM: "cany" }, [/^preprocessor: WARM: cany is no processor.*canny, depth_midas$/]],
  ])("%o ends the start with one line a mistake", async (env, lines) => {
    const { code, stderr } = await run([], env);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split("\n")).toEqual(lines.map((line) => expect.stringMatching(line)));
  });

  test("--help prints the configuration", async () => {
    const { code, stdout } = await run(["--help"], {});
    expect(code).toBe(0);
    for (const name of ["MODELS_DIR", "DEPTH_MODEL", "PORT", "MAX_PIXELS", "PRIVATE_SOURCES"]) {
      expect(stdout).toContain(name);
    }
  });
});

function fixture(path: string): Buffer {
  return readFileSync(fixturePath(path));
}

type Body = Buffer | string;

function post(path: string, body: Body, headers: Record<string, string> = {}, to = service): Promise<Response> {
  return fetch(`${to.url}/image/${path}`, {
    method: "POST",
    headers: { "content-type": "image/png", ...headers },
    body,
  });
}

async function annotate(path: string, body: Body, headers: Record<string, string> = {}, to = service) {
  const answer = await post(path, body, headers, to);
  const file = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, file.subarray(0, 300).toString()).toBe(200);
  return { answer, file, image: await decoded(file) };
}

async function metricsOf({ url }: ServiceProcess): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

const decoded = (file: Buffer) => decodeImage(file, { maxPixels: 5e7, timeoutS: 30 });

function lossless({ data, width, height }: RgbImage): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

function grey(side: number): Promise<Buffer> {
  return sharp({ create: { width: side, height: side, channels: 3, background: "#808080" } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

async function expectNear(image: RgbImage, golden: string): Promise<void> {
  const wanted = await readRgb(golden);
  expect([image.width, image.height]).toEqual([wanted.width, wanted.height]);
  const differences = image.data.map((level, i) => Math.abs(level - wanted.data[i]!));
  expect(differences.reduce((most, difference) => Math.max(most, difference), 0)).toBeLessThanOrEqual(1);
  expect(differences.filter((difference) => difference > 0).length).toBeLessThan(
    wanted.data.length * MAX_SHARE_OF_LEVELS,
  );
}

async function withService(env: Record<string, string>, work: (service: ServiceProcess) => Promise<void>) {
  const started = await startService("preprocessor", { PORT: "0", LOG_LEVEL: "silent", ...env });
  try {
    await work(started);
  } finally {
    await started.stop();
  }
}

/** User time of a process in hundredths of a second: proc_pid_stat(5), field 14. */
function cpuTicks(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[11]);
}

function run(args: string[], env: Record<string, string>) {
  const main = serviceEntry("preprocessor");
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}
