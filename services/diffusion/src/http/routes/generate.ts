import { parse } from "@armature/contract";
import type { Inflight } from "@armature/core";
import { addLogFields, clientOf, closed, jsonBody, releaseBody, requestId } from "@armature/http";
import type { JobEvent, Jobs } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import { type Request, type Response, Router } from "express";
import type { GenerateEvent } from "../../contract/events.js";
import { type GenerateRequest, generateRequest } from "../../contract/generate.js";
import { adaptersOf } from "../../features/adapters.js";
import type { ResolveContext } from "../../features/feature.js";
import type { ResolvedRequest } from "../../features/index.js";
import { type GenerateJob, generateSpec } from "../../jobs/generate-job.js";
import { resolveRequest } from "../../request/resolve.js";
import { clientEvents } from "../client-events.js";
import { type AnswerForm, chooseAnswer, sendAnswer, withFormat } from "../generate-answer.js";
import { askedTurn } from "../scheduling-headers.js";

interface GenerateDeps {
  /** What requests are resolved against. */
  context: Omit<ResolveContext, "model">;
  jobs: Jobs;
  sources: SourcePolicy;
  /** What bodies are held against. */
  inflight: Inflight;
  maxWaitMs: number;
  maxBodyBytes: number;
}

/** `POST /generate`: parse, resolve, submit, answer as JSON, as a bare picture or as a stream of events. */
export function generateRoute(deps: GenerateDeps): Router {
  const schema = generateRequest(deps.context.limits);
  const body = jsonBody({ maxBytes: deps.maxBodyBytes, budget: deps.inflight.encoded });
  return Router().post("/generate", body, async (req, res) => {
    const { form, job } = await jobOf(parse(schema, req.body), req, res, deps);
    releaseBody(req); // the job has what it needs of it
    await sendAnswer(form, generation(job, res, deps), res);
  });
}

type GenerateJobSpec = Awaited<ReturnType<typeof generateSpec>>;

/** The request as a job. Nothing here outlives the call: a body that waited in a variable would be held uncounted. */
async function jobOf(
  request: GenerateRequest,
  req: Request,
  res: Response,
  { context, sources, maxWaitMs }: GenerateDeps,
): Promise<{ form: AnswerForm; job: GenerateJobSpec }> {
  const form = chooseAnswer(req, request);
  const resolved = resolveRequest(withFormat(request, form), context);
  logRequest(res, resolved);
  const who = { client: clientOf(req), ...askedTurn(req, maxWaitMs) };
  return { form, job: await generateSpec(resolved, { sources }, who) };
}

/** What the client hears of its generation, which ends when it leaves. */
async function* generation(
  { spec, files }: GenerateJobSpec,
  res: Response,
  { jobs }: GenerateDeps,
): AsyncGenerator<GenerateEvent> {
  const events = jobs.follow<GenerateJob>(spec, { files, signal: closed(res) });
  yield* clientEvents(logged(res, events), { id: requestId(res), jobs });
}

function logRequest(res: Response, request: ResolvedRequest): void {
  const { model, scheduler, numInferenceSteps, seeds } = request;
  addLogFields(res, {
    model,
    scheduler: scheduler.name,
    steps: numInferenceSteps,
    seed: seeds,
    images: seeds.length,
    controls: adaptersOf(request).map(({ type }) => type),
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
