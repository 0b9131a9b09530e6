import { addLogFields, clientOf, closed, jsonOrImageBody, NotAcceptable } from "@armature/http";
import { type JobEvent, type Jobs, successes } from "@armature/jobs";
import { type Request, type RequestHandler, type Response, Router } from "express";
import type { Processor } from "../../annotators/annotator.js";
import {
  type AnnotateJob,
  annotateSpec,
  type ControlImageFormat,
  type PictureSources,
} from "../../jobs/annotate-job.js";
import { annotationRequest } from "../../request/annotation-request.js";

interface ImageDeps extends PictureSources {
  /** The served processor of an id. Throws NotFound. */
  processorOf(id: string): Processor;
  jobs: Jobs;
  maxWaitMs: number;
}

/** `POST /image/:processor`: a picture in, its control image out. */
export function imageRoute(deps: ImageDeps): Router {
  const { processorOf, jobs, maxBodyBytes, maxWaitMs: deadlineMs } = deps;
  const body = jsonOrImageBody({ maxBytes: maxBodyBytes });
  return Router().post("/image/:processor", noteArrival, body, async (req, res) => {
    const processor = processorOf(req.params.processor ?? "");
    addLogFields(res, { processor: processor.id });
    const request = annotationRequest(processor, req.query, req.body);
    const wanted = { ...request, processor: processor.id, format: acceptedFormat(req) };
    const signal = closed(res);
    const { spec, files } = await annotateSpec(wanted, deps, { client: clientOf(req), deadlineMs });
    await sendControlImage(jobs.follow<AnnotateJob>(spec, { files, signal }), wanted.format, jobs, res);
  });
}

async function sendControlImage(
  events: AsyncIterable<JobEvent<AnnotateJob>>,
  format: ControlImageFormat,
  jobs: Jobs,
  res: Response,
): Promise<void> {
  let file: Buffer | undefined;
  for await (const { event, data } of successes(events)) {
    if (event === "started") addLogFields(res, { queueMs: Math.round(data.queueMs) });
    if (event === "output") file = await jobs.blob(data.blob);
    if (event !== "completed") continue;
    const { width, height, inferenceMs } = data;
    addLogFields(res, { width, height, inferenceMs: Math.round(inferenceMs) });
    res
      .set("X-Inference-Time", seconds(inferenceMs))
      .set("X-Request-Time", seconds(performance.now() - res.locals.arrivedMs))
      .vary("Accept")
      .type(format)
      .send(file);
  }
}

const noteArrival: RequestHandler<{ processor: string }> = (_req, res, next) => {
  res.locals.arrivedMs = performance.now();
  next();
};

const seconds = (ms: number) => (ms / 1000).toFixed(4);

/** Lossless both; WebP is the smaller. */
const FORMATS: ControlImageFormat[] = ["webp", "png"];

function acceptedFormat(req: Pick<Request, "accepts">): ControlImageFormat {
  const type = req.accepts(FORMATS.map((format) => `image/${format}`));
  const format = FORMATS.find((candidate) => `image/${candidate}` === type);
  if (format) return format;
  throw new NotAcceptable("The answer can be image/webp or image/png; the Accept header takes neither");
}
