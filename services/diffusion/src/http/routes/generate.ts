import { parse } from "@armature/contract";
import { addLogFields, clientOf, closed, jsonBody, requestId } from "@armature/http";
import type { JobEvent, Jobs } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import { type Request, type Response, Router } from "express";
import type { GenerateEvent } from "../../contract/events.js";
import { type GenerateRequest, generateRequest } from "../../contract/generate.js";
import type { ResolveContext } from "../../features/feature.js";
import type { ResolvedRequest } from "../../features/index.js";
import { type GenerateJob, generateSpec } from "../../jobs/generate-job.js";
import { resolveRequest } from "../../request/resolve.js";
import { clientEvents } from "../client-events.js";
import { chooseAnswer, sendAnswer, withFormat } from "../generate-answer.js";
import { askedTurn } from "../scheduling-headers.js";

interface GenerateDeps {
  /** What requests are resolved against. */
  context: Omit<ResolveContext, "model">;
  jobs: Jobs;
  sources: SourcePolicy;
  maxWaitMs: number;
  maxBodyBytes: number;
}

/** `POST /generate`: parse, resolve, submit, answer as JSON, as a bare picture or as a stream of events. */
export function generateRoute(deps: GenerateDeps): Router {
  const schema = generateRequest(deps.context.limits);
  return Router().post("/generate", jsonBody({ maxBytes: deps.maxBodyBytes }), async (req, res) => {
    const request: GenerateRequest = parse(schema, req.body);
    const form = chooseAnswer(req, request);
    const resolved = resolveRequest(withFormat(request, form), deps.context);
    logRequest(res, resolved);
    await sendAnswer(form, generation(resolved, req, res, deps), res);
  });
}

/** What the client hears of its generation, which ends when it leaves. */
async function* generation(
  request: ResolvedRequest,
  req: Request,
  res: Response,
  { jobs, sources, maxWaitMs }: GenerateDeps,
): AsyncGenerator<GenerateEvent> {
  const signal = closed(res);
  const who = { client: clientOf(req), ...askedTurn(req, maxWaitMs) };
  const { spec, files } = await generateSpec(request, { sources }, who);
  const events = jobs.follow<GenerateJob>(spec, { files, signal });
  yield* clientEvents(logged(res, events), { id: requestId(res), jobs });
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

async function* logged(res: Response, events: AsyncIterable<JobEvent<GenerateJob>>) {
  for await (const job of events) {
    if (job.event === "started") addLogFields(res, { queueMs: Math.round(job.data.queueMs) });
    if (job.event === "completed") {
      const { width, height } = job.data.parameters;
      addLogFields(res, { width, height });
    }
    yield job;
  }
}
