import { parse } from "@armature/contract";
import { Cancelled } from "@armature/core";

import { QueueFull } from "@armature/jobs";
import { expect, test } from "vitest";
import { startService } from "../../../../testing/http-service.js";
import { type GenerateEvent, type GenerateResponse, generateRequest } from "../contract/index.js";
import { chooseAnswer, sendAnswer, withFormat } from "./generate-answer.js";

const SCHEMA = generateRequest({
  maxPixels: 1e6,
  maxSteps: 100,
  maxImages: 4,
  maxControlNets: 4,
  maxPromptLength: 1000,
  maxWork: 1e9,
});
const requestOf = (fields: object = {}) => parse(SCHEMA, { prompt: "a cube", ...fields });

/** The form that a request gets, or the problem's code. */
async function chosen(accept: string | undefined, fields: object = {}): Promise<unknown> {
  const { url } = await startService((router) => {
    router.get("/choose", (req, res) => void res.json(chooseAnswer(req, requestOf(fields))));
  });
  const answer = await fetch(`${url}/choose`, accept === undefined ? {} : { headers: { accept } });
  const body = (await answer.json()) as { code?: string };
  return answer.ok ? body : body.code;
}

test.each([
  [undefined, "json"],
  ["*/*", "json"],
  ["application/*", "json"],
  ["image/*", "png"],
  ["image/png", "png"],
  ["image/webp", "webp"],
  ["image/jpeg;q=0.5, image/webp;q=0.4", "jpeg"],
  ["text/event-stream", "events"],
  ["text/html, application/json;q=0.9", "json"],
  ["text/html", "not-acceptable"],
])("Accept: %s is answered with %s", async (accept, form) => {
  expect(await chosen(accept)).toBe(form);
});

test("a bare picture is one: several are refused, by count or by seeds, and one of a list is not", async () => {
  expect(await chosen("image/png", { num_images_per_prompt: 2 })).toBe("invalid-request");
  expect(await chosen("image/png", { seed: [1, 2] })).toBe("invalid-request");
  expect(await chosen("image/png", { seed: [1] })).toBe("png");
  expect(await chosen("application/json", { seed: [1, 2] })).toBe("json");
});

test("the Accept header decides a bare picture's format, and a quality goes where there is one", () => {
  const asked = requestOf({ output: { format: "jpeg", quality: 40 } });
  const outputs = (["json", "events", "png", "webp"] as const).map((form) => withFormat(asked, form).output);
  expect(outputs).toEqual([asked.output, asked.output, { format: "png" }, { format: "webp", quality: 40 }]);
});

const RESPONSE = {
  images: [{ image: Buffer.from("pixels").toString("base64"), seed: 7 }],
  warnings: [] as string[],
} as GenerateResponse;

interface Answer {
  thrown?: Error;
  warnings?: string[];
}

async function answered(form: "json" | "events" | "png", { thrown, warnings = [] }: Answer = {}): Promise<Response> {
  async function* events(): AsyncGenerator<GenerateEvent> {
    yield { event: "started", data: { id: "r" } };
    if (thrown) throw thrown;
    yield { event: "completed", data: { ...RESPONSE, warnings } };
  }
  const { url } = await startService((router) => {
    router.get("/answer", (_req, res) => sendAnswer(form, events(), res));
  });
  return fetch(`${url}/answer`);
}

test("JSON is the whole answer, a bare picture its bytes with the seed", async () => {
  expect(await (await answered("json")).json()).toEqual(RESPONSE);
  const picture = await answered("png");
  expect([picture.headers.get("content-type"), picture.headers.get("x-seed")]).toEqual(["image/png", "7"]);
  expect(await picture.text()).toBe("pixels");
});

test("a bare picture has its warnings in a header, in ASCII and at a length that clients take", async () => {
  expect((await answered("png")).headers.has("x-warnings")).toBe(false);
  const header = (await answered("png", { warnings: ["left out: Käse 🧀\n", "a".repeat(9_000)] })).headers.get(
    "x-warnings",
  )!;
  expect(header).toMatch(/^[ -~]{1,1000}$/);
  expect(JSON.parse(header)).toEqual(["left out: Käse 🧀\n", `${"a".repeat(300)}…`]);
});

test("events come one by one", async () => {
  expect((await (await answered("events")).text()).match(/^(event|data): .*/gm)).toEqual([
    ...["event: started", 'data: {"id":"r"}', "event: completed", `data: ${JSON.stringify(RESPONSE)}`],
  ]);
});

test("a failure is the answer's status, or the last event", async () => {
  const refused = await answered("json", { thrown: new QueueFull(3) });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
  const stream = await answered("events", { thrown: new QueueFull(3) });
  expect(stream.status).toBe(200);
  expect(await stream.text()).toMatch(/event: failed\ndata: \{.*"code":"queue-full".*\}\n\n$/);
  expect(await (await answered("events", { thrown: new Cancelled() })).text()).toMatch(
    /event: cancelled\ndata: \{\}\n\n$/,
  );
});
