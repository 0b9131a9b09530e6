import { addLogFields, closed, jsonOrImageBody, NotAcceptable } from "@armature/http";
import type { WorkQueue } from "@armature/jobs";
import { type Request, type RequestHandler, Router } from "express";
import type { Processor } from "../../annotators/annotator.js";
import { type AnnotationDeps, annotate, type OutputFormat, pictureOf } from "../../request/annotation.js";
import { annotationRequest } from "../../request/annotation-request.js";

export interface ImageDeps extends AnnotationDeps {
  /** The served processor of an id. Throws NotFound. */
  processorOf(id: string): Processor;
  queue: WorkQueue;
  maxWaitMs: number;
}

/** `POST /image/:processor`: a picture in, its control image out. */
export function imageRoute(deps: ImageDeps): Router {
  const body = jsonOrImageBody({ maxBytes: deps.maxBodyBytes });
  return Router().post("/image/:processor", noteArrival, body, async (req, res) => {
    const processor = deps.processorOf(req.params.processor ?? "");
    addLogFields(res, { processor: processor.id });
    const { options, image } = annotationRequest(processor, req.query, req.body);
    const format = acceptedFormat(req);
    const gone = closed(res);
    const picture = await pictureOf(image, deps, gone);
    const result = await deps.queue.run(
      {
        cost: 1,
        client: req.ip ?? "",
        deadlineMs: deps.maxWaitMs,
        signal: gone,
        onStart: (waitedMs) => addLogFields(res, { queueMs: Math.round(waitedMs) }),
      },
      (signal) => annotate(picture, { processor: processor.id, options, format }, deps, signal),
    );
    const { file, width, height, inferenceMs } = result;
    addLogFields(res, { width, height, inferenceMs: Math.round(inferenceMs) });
    res
      .set("X-Inference-Time", seconds(inferenceMs))
      .set("X-Request-Time", seconds(performance.now() - res.locals.arrivedMs))
      .set("Vary", "Accept")
      .type(format)
      .send(file);
  });
}

const noteArrival: RequestHandler<{ processor: string }> = (_req, res, next) => {
  res.locals.arrivedMs = performance.now();
  next();
};

const seconds = (ms: number) => (ms / 1000).toFixed(4);

/** Lossless both; WebP is the smaller. */
const FORMATS: OutputFormat[] = ["webp", "png"];

function acceptedFormat(req: Pick<Request, "accepts">): OutputFormat {
  const type = req.accepts(FORMATS.map((format) => `image/${format}`));
  const format = FORMATS.find((candidate) => `image/${candidate}` === type);
  if (format) return format;
  throw new NotAcceptable("The answer can be image/webp or image/png; the Accept header takes neither");
}
