import {
  type ControlNetsResponse,
  type DeviceMemoryInfo,
  defaultProcessor,
  type ModelsResponse,
  type Precision,
} from "@armature/contract";
import { NotFound } from "@armature/core";
import type { DeviceChoice } from "@armature/devices";

import { type Jobs, resultOf } from "@armature/jobs";
import { describeDevice } from "@armature/service";
import { Router } from "express";
import { type ComponentStatus, loadedStatus } from "../../engine/load-status.js";
import { loadSpec } from "../../jobs/load-job.js";
import { adapterFor, adaptersNamed, adaptersOfKind } from "../../served/choose-adapter.js";
import { resolveScheduler } from "../../served/resolve-scheduler.js";
import type { Selected } from "../../served/served.js";

interface ServedDeps {
  served: Selected;
  jobs: Jobs;
  /** Of requests that do not say; undefined: the device has no choice. */
  precision: Precision | undefined;
  /** What computes, and what its checks found. */
  device: DeviceChoice;
  /** Of a GPU: what requests are held against. */
  deviceMemory: DeviceMemoryInfo | undefined;
  /** What the engine has loaded of models and adapters. */
  loaded: () => readonly ComponentStatus[];
}

/** `GET /models`, `GET /controlnets`. */
export function servedRoutes(deps: ServedDeps): Router {
  return Router()
    .get("/models", (_req, res) => void res.json(listModels(deps)))
    .get("/controlnets", (_req, res) => void res.json(listControlNets(deps)));
}

/** For operators: `POST /controlnets/:type/load` and `/unload`. */
export function loadRoutes(deps: ServedDeps): Router {
  return Router()
    .post("/controlnets/:type/load", async (req, res) => {
      await change(req.params.type, true, deps);
      res.json(listControlNets(deps));
    })
    .post("/controlnets/:type/unload", async (req, res) => {
      await change(req.params.type, false, deps);
      res.json(listControlNets(deps));
    });
}

function listModels({ served, loaded, device, deviceMemory, precision = "float32" }: ServedDeps): ModelsResponse {
  return {
    device: { ...describeDevice(device), ...(deviceMemory && { memory: deviceMemory }) },
    models: served.models.map(({ id, configs: { unet }, latents, schedulerConfig, recommended, bytes }, i) => {
      const scheduler = resolveScheduler(recommended.scheduler, schedulerConfig);
      return {
        id,
        default: i === 0,
        prediction_type: scheduler.prediction_type === "v_prediction" ? "v_prediction" : "epsilon",
        scheduler: scheduler.name,
        width: unet.sampleSize * latents.scale,
        height: unet.sampleSize * latents.scale,
        num_inference_steps: recommended.num_inference_steps,
        guidance_scale: recommended.guidance_scale,
        bytes: bytes[precision],
        ...residency(id, loaded()),
      };
    }),
    left_out: served.leftOut.models,
  };
}

function listControlNets({ served, loaded, precision = "float32" }: ServedDeps): ControlNetsResponse {
  return {
    controlnets: adaptersOfKind("controlnet", served).map(({ type, id, bytes }) => ({
      type,
      model: id,
      for_models: served.models
        .filter((model) => adapterFor("controlnet", type, { served, model })?.id === id)
        .map((model) => model.id),
      preprocessor: defaultProcessor(type),
      bytes: bytes[precision],
      ...residency(id, loaded()),
    })),
    left_out: served.leftOut.adapters.controlnet,
  };
}

function residency(id: string, loaded: readonly ComponentStatus[]) {
  const status = loadedStatus(id, loaded);
  if (!status) return { loaded: false };
  return { loaded: true, last_use: new Date(status.lastUse).toISOString(), load_ms: Math.round(status.loadMs) };
}

async function change(type: string, load: boolean, { served, jobs }: ServedDeps): Promise<void> {
  const nets = adaptersNamed("controlnet", type, served);
  if (nets.length === 0) throw new NotFound("There is no such ControlNet; GET /controlnets lists those served");
  for (const { id } of nets) await resultOf(jobs.follow(loadSpec({ id, load })));
}
