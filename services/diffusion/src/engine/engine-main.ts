/** The diffusion engine: a process that owns the sessions and takes one job after another. */
import type { Precision } from "@armature/contract";
import { type JobContext, serveEngine } from "@armature/engine";
import { liveDeviceTensors, OpenNetworks, Residency, type ResidentStatus } from "@armature/runtime";
import { generate } from "../pipeline/generate.js";
import { seededNoise } from "../pipeline/noise.js";
import { assembleControlNet, assembleModel, assembleShallowUNet, readTokenizer } from "./assemble.js";
import type { ModelEntry } from "./catalogue.js";
import { decoderTiles } from "./decoder-tiles.js";
import type { EngineJobs, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./jobs.js";
import { acquireNetworks, usesOf } from "./load-networks.js";
import { requestAdmission } from "./memory/request-admission.js";
import { residentKey } from "./network-use.js";
import { requestUses } from "./request-uses.js";

type Job = JobContext<EngineProgress>;

serveEngine<EngineJobs, EngineSettings>(async (engineSettings) => {
  const { catalogue, precision: usual, budgetBytes, deviceMemory } = engineSettings;
  const device = { ...engineSettings.device, opened: new OpenNetworks() };
  let report: (loaded: ResidentStatus[]) => void = () => {};
  const residency = new Residency({ budgetBytes, now: Date.now, onChange: (loaded) => report(loaded) });
  const models = new Map(catalogue.models.map((entry) => [entry.id, entry]));
  const nets = new Map(catalogue.controlnets.map((entry) => [entry.type, entry]));
  const loading = { catalogue, device, residency };
  const admit = requestAdmission({ catalogue, device, memory: deviceMemory, residency });

  /** The networks of a model or ControlNet that each request uses. */
  const usesOfComponent = (id: string, precision: Precision | undefined) => {
    const found = [...catalogue.models, ...catalogue.controlnets].filter((entry) => entry.id === id);
    return found.flatMap((entry) => {
      const always = entry.networks.filter((network) => network.always);
      return usesOf(entry, precision, always);
    });
  };

  const listen = (job: Job) => {
    report = (loaded) => job.progress({ stage: "residency", loaded });
  };

  const tokenizers = new Map<string, ReturnType<typeof readTokenizer>>();
  const tokenizerOf = (entry: ModelEntry) => {
    const tokenizer = tokenizers.get(entry.id) ?? readTokenizer(entry);
    tokenizers.set(entry.id, tokenizer);
    return tokenizer;
  };

  async function runGenerate(payload: GeneratePayload, job: Job): Promise<GenerateOutcome> {
    listen(job);
    job.progress({ stage: "loading" });
    const start = performance.now();
    const { cacheInterval } = payload;
    const entry = named(models, payload.model);
    const uses = requestUses(payload, catalogue, decoderTiles(entry.vae, device.vaeProfile ?? device.profile)?.side);
    await admit(uses);
    const sessionsOf = await acquireNetworks(uses, loading);
    const session = sessionsOf(entry.id);
    const model = assembleModel(entry, session, { tokenizer: tokenizerOf(entry), device });
    const loadMs = performance.now() - start;
    job.progress({ stage: "starting" });
    const controls = payload.controls.map((control) => {
      const net = named(nets, control.type);
      return { ...control, net: assembleControlNet(net, sessionsOf(net.id)) };
    });
    const deepCache =
      cacheInterval > 1 ? { interval: cacheInterval, shallow: assembleShallowUNet(session) } : undefined;
    const request = { ...payload, count: payload.seeds.length, controls, deepCache };
    const { images, timings } = await generate(model, request, seededNoise(payload.seeds), {
      now: () => performance.now(),
      checkpoint: job.checkpoint,
      onStep: ({ done, total }) => job.progress({ stage: "denoising", step: done, steps: total }),
      onNewKind: () => job.progress({ stage: "compiling" }),
      onLatents: () => job.progress({ stage: "decoding" }),
    });
    const cutPrompt = model.textEncoder.tokenizer.tokenize(payload.prompt).cutOff;
    return { images, timings: { loadMs, ...timings }, ...(cutPrompt ? { cutPrompt } : {}) };
  }

  return {
    async generate(payload, job) {
      try {
        return await runGenerate(payload, job);
      } finally {
        job.progress({ stage: "ended", deviceTensors: liveDeviceTensors() });
      }
    },
    async load({ id }, job) {
      listen(job);
      await acquireNetworks(usesOfComponent(id, usual), loading);
      return residency.status();
    },
    async unload({ id }, job) {
      listen(job);
      const uses = [...usesOfComponent(id, undefined), ...usesOfComponent(id, "int8")];
      for (const use of uses) await residency.release(residentKey(use));
      return residency.status();
    },
  };
});

/** The HTTP process has checked the name against the same catalogue. */
function named<T>(table: ReadonlyMap<string, T>, name: string): T {
  const found = table.get(name);
  if (!found) throw new Error(`The engine does not serve ${name}`);
  return found;
}
