import { OUTPUT_FORMATS, type OutputFormat } from "@armature/contract";
import { Cancelled, InvalidRequest } from "@armature/core";
import {
  addLogFields,
  closed,
  EventStream,
  jsonBody,
  NotAcceptable,
  parse,
  requestId,
  toProblem,
} from "@armature/http";
import type { QueuePosition, WorkQueue } from "@armature/jobs";
import { type Request, type Response, Router } from "express";
import { type GenerateRequest, generateRequest } from "../../contract/generate.js";
import type { EngineProgress } from "../../engine/jobs.js";
import type { ResolveContext } from "../../features/feature.js";
import type { ResolvedRequest } from "../../features/index.js";
import { imageCount } from "../../features/seeds.js";
import { type GenerationDeps, prepareControls, runGeneration, toResponse } from "../../request/generation.js";
import { resolveRequest } from "../../request/resolve.js";
import { requestWork } from "../../request/work.js";

export interface GenerateDeps extends GenerationDeps {
  resolve: Omit<ResolveContext, "model">;
  queue: WorkQueue;
  maxWaitMs: number;
  maxBodyBytes: number;
}

/** `POST /generate`: parse, plan, wait, make, answer as JSON, as a bare picture or as a stream of events. */
export function generateRoute(deps: GenerateDeps): Router {
  const schema = generateRequest(deps.resolve.limits);
  return Router().post("/generate", jsonBody({ maxBytes: deps.maxBodyBytes }), async (req, res) => {
    const request: GenerateRequest = parse(schema, req.body);
    const answer = chooseAnswer(req, request);
    const resolved = resolveRequest(withFormat(request, answer), deps.resolve);
    logRequest(res, resolved);
    if (answer === "events") return answerEvents(req, res, resolved, deps);
    const response = await produce(req, res, resolved, deps, {});
    if (answer === "json") return void res.json(response);
    const [image] = response.images;
    res.set("X-Seed", String(image!.seed)).type(answer).send(Buffer.from(image!.image, "base64"));
  });
}

interface ProgressListeners {
  onPosition?: (position: QueuePosition) => void;
  onStart?: () => void;
  onProgress?: (event: EngineProgress) => void;
}

async function produce(
  req: Request,
  res: Response,
  resolved: ResolvedRequest,
  deps: GenerateDeps,
  listeners: ProgressListeners,
) {
  const startedAt = performance.now();
  const gone = closed(res);
  // begun as soon as the request is admitted, so that annotation goes on while it waits for the engine
  let controls: ReturnType<typeof prepareControls> | undefined;
  const prepare = () => (controls ??= caught(prepareControls(resolved, deps, gone)));
  let queueMs = 0;
  const generation = await deps.queue.run(
    {
      cost: requestWork(resolved),
      client: req.ip ?? "",
      priority: priorityOf(req),
      deadlineMs: Math.min(deps.maxWaitMs, deadlineOf(req)),
      signal: gone,
      onPosition: (position) => {
        prepare();
        listeners.onPosition?.(position);
      },
      onStart: (waitedMs) => {
        queueMs = waitedMs;
        addLogFields(res, { queueMs: Math.round(waitedMs) });
        listeners.onStart?.();
      },
    },
    async (signal) => runGeneration(resolved, await prepare(), deps, signal, (event) => listeners.onProgress?.(event)),
  );
  addLogFields(res, { ...generation.request.size });
  return toResponse(requestId(res), generation, { queueMs, startedAt });
}

async function answerEvents(req: Request, res: Response, resolved: ResolvedRequest, deps: GenerateDeps): Promise<void> {
  const stream = new EventStream(res);
  let eta = etaEstimator();
  try {
    const response = await produce(req, res, resolved, deps, {
      onPosition: ({ position }) => stream.offer("queued", { position: position - 1 }),
      onStart: () => stream.offer("started", { id: requestId(res) }),
      onProgress: (event) => {
        if (event.stage === "starting") eta = etaEstimator(); // loading and waiting tell nothing of the steps
        if (event.stage === "denoising") stream.offer("progress", eta(event.step, event.steps));
      },
    });
    await stream.send("completed", response);
  } catch (error) {
    if (error instanceof Cancelled) await stream.send("cancelled", {});
    else await stream.send("failed", toProblem(error, requestId(res)).body);
  } finally {
    stream.end();
  }
}

/** Steps done and to come, and the time until the last, judged by the steps so far. */
function etaEstimator() {
  const start = performance.now();
  return (step: number, steps: number) => ({
    step,
    steps,
    percent: Math.round((1000 * step) / steps) / 10,
    eta_ms: Math.round(((performance.now() - start) / step) * (steps - step)),
  });
}

type Answer = "json" | "events" | OutputFormat;

const MEDIA_TYPES = ["application/json", "text/event-stream", ...OUTPUT_FORMATS.map((format) => `image/${format}`)];

function chooseAnswer(req: Request, request: GenerateRequest): Answer {
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
function withFormat(request: GenerateRequest, answer: Answer): GenerateRequest {
  if (answer === "json" || answer === "events") return request;
  const { quality } = request.output;
  return {
    ...request,
    output: answer === "png" || quality === undefined ? { format: answer } : { format: answer, quality },
  };
}

/** `X-Priority: -10` to `10`, greater first; anything else is 0. */
function priorityOf(req: Request): number {
  const value = Number(req.get("X-Priority") ?? 0);
  return Number.isInteger(value) && Math.abs(value) <= 10 ? value : 0;
}

/** `X-Deadline-Ms`: how long the client would wait for the start. */
function deadlineOf(req: Request): number {
  const value = Number(req.get("X-Deadline-Ms") ?? Number.POSITIVE_INFINITY);
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}

function logRequest(res: Response, { model, scheduler, numInferenceSteps, seeds, controls }: ResolvedRequest): void {
  addLogFields(res, {
    model,
    scheduler: scheduler.name,
    steps: numInferenceSteps,
    seed: seeds,
    images: seeds.length,
    controls: controls.map(({ type }) => type),
  });
}

/** A failure that nobody awaits yet is no unhandled rejection. */
function caught<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
}
