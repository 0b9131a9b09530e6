/** The diffusion engine: a process that owns the sessions and takes one job after another. */
import { type JobContext, serveEngine } from "@armature/engine";
import { liveDeviceTensors, OpenNetworks, Residency, type ResidentStatus } from "@armature/runtime";
import { generate } from "../pipeline/generate.js";
import { seededNoise } from "../pipeline/noise.js";
import type { EngineJobs, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./jobs.js";
import { loadableControlNet, loadableModel, loadableShallowUNet } from "./loadables.js";
import { requestAdmission } from "./memory/request-admission.js";
import { residentKeys } from "./resident-key.js";

type Job = JobContext<EngineProgress>;

serveEngine<EngineJobs, EngineSettings>(async (engineSettings) => {
  const { catalogue, precision: usual, budgetBytes, deviceMemory } = engineSettings;
  const device = { ...engineSettings.device, opened: new OpenNetworks() };
  let report: (loaded: ResidentStatus[]) => void = () => {};
  const residency = new Residency({ budgetBytes, now: Date.now, onChange: (loaded) => report(loaded) });
  const models = new Map(catalogue.models.map((entry) => [entry.id, entry]));
  const nets = new Map(catalogue.controlnets.map((entry) => [entry.type, entry]));
  const admit = requestAdmission({ catalogue, device, memory: deviceMemory, residency });

  const listen = (job: Job) => {
    report = (loaded) => job.progress({ stage: "residency", loaded });
  };

  async function runGenerate(payload: GeneratePayload, job: Job): Promise<GenerateOutcome> {
    listen(job);
    job.progress({ stage: "loading" });
    const start = performance.now();
    await admit(payload);
    const { precision, cacheInterval } = payload;
    const entry = named(models, payload.model);
    const types = [...new Set(payload.controls.map(({ type }) => type))];
    const [model, shallow, ...loaded] = await residency.acquire([
      loadableModel(entry, device, precision),
      cacheInterval > 1 ? loadableShallowUNet(entry, device, precision) : undefined,
      ...types.map((type) => loadableControlNet(named(nets, type), device, precision)),
    ] as const);
    const loadMs = performance.now() - start;
    job.progress({ stage: "starting" });
    const netOf = new Map(types.map((type, i) => [type, loaded[i]!]));
    const controls = payload.controls.map((control) => ({ ...control, net: netOf.get(control.type)! }));
    const request = { ...payload, count: payload.seeds.length, controls, shallow };
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
      const model = models.get(id);
      const net = catalogue.controlnets.find((candidate) => candidate.id === id);
      await residency.acquire([
        model && loadableModel(model, device, usual),
        net && loadableControlNet(net, device, usual),
      ]);
      return residency.status();
    },
    async unload({ id }, job) {
      listen(job);
      for (const key of residentKeys(id)) await residency.release(key);
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
