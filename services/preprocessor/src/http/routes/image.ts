/** The route that makes control images. */
import type { Inflight } from "@armature/core";
import { addLogFields, clientOf, closed, jsonOrImageBody, NotAcceptable, releaseBody } from "@armature/http";
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
  /** What bodies are held against. */
  inflight: Inflight;
  maxWaitMs: number;
}

/** `POST /image/:processor`: a picture in, its control image out. */
export function imageRoute(deps: ImageDeps): Router {
  const { jobs, maxBodyBytes, inflight } = deps;
  const body = jsonOrImageBody({ maxBytes: maxBodyBytes, budget: inflight.encoded });
  return Router().post("/image/:processor", noteArrival, body, async (req, res) => {
    const signal = closed(res);
    const { spec, files } = await jobOf(req, res, deps);
    releaseBody(req); // the job has what it needs of it
    await sendControlImage(jobs.follow<AnnotateJob>(spec, { files, signal }), jobs, res);
  });
}

/** The request as a job. Nothing here outlives the call: a body that waited in a variable would be held uncounted. */
function jobOf(
  req: Request<{ processor: string }>,
  res: Response,
  { processorOf, maxWaitMs: deadlineMs, ...pictures }: ImageDeps,
): ReturnType<typeof annotateSpec> {
  const processor = processorOf(req.params.processor);
  addLogFields(res, { processor: processor.id });
  const request = annotationRequest(processor, req.query, req.body);
  const wanted = { ...request, processor: processor.id, formats: acceptedFormats(req) };
  return annotateSpec(wanted, pictures, { client: clientOf(req), deadlineMs });
}

async function sendControlImage(
  events: AsyncIterable<JobEvent<AnnotateJob>>,
  jobs: Jobs,
  res: Response,
): Promise<void> {
  let file: Buffer | undefined;
  for await (const { event, data } of successes(events)) {
    if (event === "started") addLogFields(res, { queueMs: Math.round(data.queueMs) });
    if (event === "output") file = await jobs.blob(data.blob);
    if (event !== "completed") continue;
    const { width, height, format, inferenceMs } = data;
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

/** Lossless both; WebP is the smaller, and takes so much more memory that a huge picture is better a PNG. */
const FORMATS: ControlImageFormat[] = ["webp", "png"];

function acceptedFormats(req: Pick<Request, "accepts">): ControlImageFormat[] {
  const best = req.accepts(FORMATS.map((format) => `image/${format}`));
  const accepted = FORMATS.filter((format) => req.accepts(`image/${format}`));
  if (accepted.length > 0)
    return accepted.sort((a, b) => Number(`image/${b}` === best) - Number(`image/${a}` === best));
  throw new NotAcceptable("The answer can be image/webp or image/png; the Accept header takes neither");
}
