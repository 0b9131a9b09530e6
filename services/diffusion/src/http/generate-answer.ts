/** The three forms in which `POST /generate` answers: JSON, a bare picture, and events. */
import { OUTPUT_FORMATS, type OutputFormat } from "@armature/contract";
import { InvalidRequest } from "@armature/core";
import { NotAcceptable, streamEvents } from "@armature/http";
import type { Request, Response } from "express";
import type { GenerateEvent } from "../contract/events.js";
import type { GenerateRequest, GenerateResponse } from "../contract/generate.js";
import { imageCount } from "../features/seeds.js";

export type AnswerForm = "json" | "events" | OutputFormat;

const MEDIA_TYPES = ["application/json", "text/event-stream", ...OUTPUT_FORMATS.map((format) => `image/${format}`)];

/** What the Accept header asks for. Throws NotAcceptable, or InvalidRequest where a bare picture would have to be several. */
export function chooseAnswer(req: Pick<Request, "accepts">, request: GenerateRequest): AnswerForm {
  const type = req.accepts(MEDIA_TYPES);
  if (type === "application/json") return "json";
  if (type === "text/event-stream") return "events";
  if (type === false)
    throw new NotAcceptable(`The answer can be ${MEDIA_TYPES.join(", ")}; the Accept header takes none of them`);
  if (imageCount(request) > 1) {
    const detail = "a bare picture is one; ask for Accept: application/json to get several";
    throw new InvalidRequest([{ pointer: "/num_images_per_prompt", detail }]);
  }
  return type.slice("image/".length) as OutputFormat;
}

/** The Accept header decides the format of a bare picture; a quality that does not go with it is left out. */
export function withFormat(request: GenerateRequest, form: AnswerForm): GenerateRequest {
  if (form === "json" || form === "events") return request;
  const { quality } = request.output;
  return {
    ...request,
    output: form === "png" || quality === undefined ? { format: form } : { format: form, quality },
  };
}

/** Answers with what a generation tells. What it failed with is thrown, or told as an event. */
export async function sendAnswer(form: AnswerForm, events: AsyncIterable<GenerateEvent>, res: Response): Promise<void> {
  if (form === "events") return streamEvents(res, events, { passing: ["queued", "started", "progress"] });
  const response = await completed(events);
  if (form === "json") return void res.json(response);
  const [image] = response.images;
  if (response.warnings.length > 0) res.set("X-Warnings", warningsHeader(response.warnings));
  res.set("X-Seed", String(image!.seed)).type(form).send(Buffer.from(image!.image, "base64"));
}

/** Clients give up on headers of 8 KB. */
const HEADER_WARNING_LENGTH = 300;

/** Warnings as a JSON list in ASCII; a long one, which quotes the request, is cut. */
function warningsHeader(warnings: readonly string[]): string {
  const short = warnings.map((warning) =>
    warning.length > HEADER_WARNING_LENGTH ? `${warning.slice(0, HEADER_WARNING_LENGTH)}…` : warning,
  );
  const asAscii = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(short).replaceAll(/[^ -~]/g, asAscii);
}

async function completed(events: AsyncIterable<GenerateEvent>): Promise<GenerateResponse> {
  for await (const { event, data } of events) if (event === "completed") return data;
  throw new Error("The generation has no end");
}
