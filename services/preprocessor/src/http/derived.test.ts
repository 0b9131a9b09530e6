/** What a service derives from the definition of an annotator: here of the toy annotators, which nothing else knows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readConfig } from "@armature/config";
import { processorsResponse } from "@armature/contract";
import { builtFile } from "@armature/core";
import { createLogger, startServer } from "@armature/http";
import { decodeImage, sharp } from "@armature/images";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Config } from "../config.js";
import { createService } from "../service.js";
import { TOY_PROCESSORS } from "../testing/toy-annotators.js";

const TABLE = {
  processors: TOY_PROCESSORS,
  engine: pathToFileURL(builtFile("services/preprocessor/dist/testing/toy-engine.js")),
};

interface Running {
  url: string;
  stop(): Promise<void>;
}

async function startToys(env: Record<string, string> = {}): Promise<Running> {
  const log = createLogger({ level: "silent", service: "preprocessor", version: "0" });
  const service = await createService(readConfig(Config, env), log, "0", TABLE);
  const server = await startServer(service.app, { host: "127.0.0.1", port: 0 });
  return { url: server.url, stop: () => server.drain().then(() => service.stop()) };
}

let toys: Running;
beforeAll(async () => {
  toys = await startToys();
});
afterAll(() => toys.stop());

/** One row: red 0, 100, 150, 200. */
const REDS = [0, 100, 150, 200];
const ROW = sharp(Uint8Array.from(REDS.flatMap((red) => [red, 9, 9])), { raw: { width: 4, height: 1, channels: 3 } })
  .png()
  .toBuffer();

async function post(path: string, body: Buffer | object, to = toys): Promise<Response> {
  const isPicture = Buffer.isBuffer(body);
  return fetch(`${to.url}/image/${path}`, {
    method: "POST",
    headers: { "content-type": isPicture ? "image/png" : "application/json" },
    body: isPicture ? body : JSON.stringify(body),
  });
}

async function levelsOf(answer: Response): Promise<number[]> {
  const file = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, file.toString()).toBe(200);
  const { data, width, height } = await decodeImage(file, { maxPixels: 1e6, timeoutS: 10 });
  return Array.from({ length: width * height }, (_, i) => data[3 * i]!);
}

async function json<T>(path: string, { url } = toys): Promise<T> {
  return (await (await fetch(`${url}${path}`)).json()) as T;
}

test("GET /processors lists each id with the options that its preset leaves open", async () => {
  const { processors } = processorsResponse.parse(await json("/processors"));
  expect(processors.map(({ id }) => id)).toEqual(["toy_bright", "toy_dark", "toy_relief"]);
  expect(processors[0]).toEqual({
    id: "toy_bright",
    description: "White where red is strong",
    options: {
      type: "object",
      properties: {
        level: {
          type: "integer",
          minimum: 1,
          maximum: 255,
          default: 128,
          description: "Least red that counts as strong",
        },
      },
      additionalProperties: false,
    },
  });
});

test("OpenAPI gives each processor its own path, options and JSON body", async () => {
  interface Operation {
    summary: string;
    parameters?: { name: string; in: string }[];
    requestBody: { content: Record<string, { schema: { properties?: object } }> };
  }
  const { paths } = await json<{ paths: Record<string, { post: Operation }> }>("/openapi.json");
  const { summary, parameters, requestBody } = paths["/image/toy_dark"]!.post;
  expect(summary).toBe("White where red is weak");
  expect(parameters).toEqual([expect.objectContaining({ name: "level", in: "query" })]);
  expect(Object.keys(requestBody.content["application/json"]!.schema.properties!)).toEqual(["image", "level"]);
  expect(paths["/image/toy_relief"]!.post.parameters).toBeUndefined();
  expect(paths).not.toHaveProperty(["/image/canny"]);
});

test("options reach the annotator from the query and from the JSON body, a preset always", async () => {
  const row = await ROW;
  const image = row.toString("base64");
  expect(await levelsOf(await post("toy_bright", row))).toEqual([0, 0, 255, 255]);
  expect(await levelsOf(await post("toy_dark", row))).toEqual([255, 255, 0, 0]);
  expect(await levelsOf(await post("toy_bright?level=200", row))).toEqual([0, 0, 0, 255]);
  expect(await levelsOf(await post("toy_bright", { image, level: 50 }))).toEqual([0, 255, 255, 255]);
  expect(await levelsOf(await post("toy_dark?level=200", { image }))).toEqual([255, 255, 255, 0]);
});

test.each<[path: string, json: object | undefined, pointer: string, words: RegExp]>([
  ["toy_bright?level=300", undefined, "/level", /wants at most 255, found 300/],
  ["toy_bright?invert=true", undefined, "/invert", /unknown field "invert"; there are level/],
  ["toy_bright", { level: 0 }, "/level", /wants at least 1, found 0/],
  ["toy_bright", { levle: 9 }, "/levle", /did you mean "level"/],
  ["toy_bright?level=9", { level: 9 }, "/level", /stands in the query and in the body/],
  ["toy_bright?image=x", {}, "/image", /unknown field "image"/],
])("%s with %j is refused", async (path, fields, pointer, words) => {
  const row = await ROW;
  const answer = await post(path, fields ? { image: row.toString("base64"), ...fields } : row);
  expect(answer.status).toBe(422);
  const { errors } = (await answer.json()) as { errors: { pointer: string; detail: string }[] };
  expect(errors).toEqual([{ pointer, detail: expect.stringMatching(words) }]);
});

test("a network is loaded at first use, and counts as loaded from then on", async () => {
  const resident = async () =>
    (await (await fetch(`${toys.url}/metrics`)).text()).match(/^model_resident_bytes.*$/m)?.[0];
  expect(await resident()).toBeUndefined();
  expect(new Set(await levelsOf(await post("toy_relief", await ROW)))).toEqual(new Set([255]));
  expect(await resident()).toMatch(/\{model="depth-dpt-tiny"\} \d{6}/);
});

test("without its model a processor is not served, and its name says what to fetch", async () => {
  const empty = mkdtempSync(join(tmpdir(), "armature-no-models-"));
  const poor = await startToys({ MODELS_DIR: empty });
  const { processors } = processorsResponse.parse(await json("/processors", poor));
  expect(processors.map(({ id }) => id)).toEqual(["toy_bright", "toy_dark"]);
  const answer = await post("toy_relief", await ROW, poor);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({
    detail:
      "toy_relief is not served here: it needs a DPT depth model under MODELS_DIR, such as Intel/dpt-hybrid-midas: " +
      "npm run fetch-weights -- --annotators toy_relief, then restart",
  });
  await poor.stop();
  rmSync(empty, { recursive: true });
});

test.each([
  [{ PROCESSOR_MODELS: "toy_relief=other" }, /^PROCESSOR_MODELS: other is no DPT model.*there is depth-dpt-tiny$/],
  [{ PROCESSOR_MODELS: "toy_dark=depth-dpt-tiny" }, /^PROCESSOR_MODELS: toy_dark is no processor that uses a model/],
  [{ WARM: "canny" }, /^WARM: canny is no processor that is served; there is toy_bright, toy_dark, toy_relief$/],
])("%o ends the start", async (env, words) => {
  await expect(startToys(env)).rejects.toThrow(words);
});
