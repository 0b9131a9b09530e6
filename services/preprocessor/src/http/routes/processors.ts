/** The route that lists the processors. */
import type { ProcessorsResponse } from "@armature/contract";
import type { DeviceChoice } from "@armature/devices";
import { describeDevice } from "@armature/service";
import { Router } from "express";
import { z } from "zod";
import type { Processor } from "../../annotators/annotator.js";

interface ProcessorsDeps {
  served: readonly Processor[];
  /** Models that cannot work. */
  leftOut: ProcessorsResponse["left_out"];
  device: DeviceChoice;
}

/** `GET /processors`: what computes, and the processors that can be used now, with the JSON Schema of their options. */
export function processorsRoute({ served, leftOut, device }: ProcessorsDeps): Router {
  const answer: ProcessorsResponse = {
    device: describeDevice(device),
    processors: served.map(describe),
    left_out: leftOut,
  };
  return Router().get("/processors", (_req, res) => void res.json(answer));
}

function describe({ id, description, options }: Processor): ProcessorsResponse["processors"][number] {
  const { $schema: _, ...schema } = z.toJSONSchema(options, { io: "input" });
  return { id, description, options: JSON.parse(JSON.stringify(schema)) };
}
