/** `GET /models` and `GET /controlnets` of the diffusion service: what is served, what is loaded, and how large it is. */
import { z } from "zod";
import { deviceInfo } from "./device.js";
import { leftOut } from "./left-out.js";

const bytes = z.int().min(0).describe("Of the weights that are used");
const residency = {
  last_use: z.iso.datetime().optional().describe("While it is loaded"),
  load_ms: z.number().min(0).optional().describe("What loading took, while it is loaded"),
};
const loaded = z.boolean().describe("Whether the weights are in memory, so that a request need not wait for them");

const modelInfo = z.strictObject({
  id: z.string().describe("What a request gives as model"),
  default: z.boolean().describe("Whether requests that name no model get this one"),
  prediction_type: z.enum(["epsilon", "v_prediction"]).describe("What the UNet predicts"),
  scheduler: z.string().describe("The scheduler that a request gets if it names none"),
  width: z.int().min(8).describe("Pixels that a request gets if it names none"),
  height: z.int().min(8).describe("Pixels that a request gets if it names none"),
  num_inference_steps: z.int().min(1).describe("Steps that a request gets if it names none"),
  guidance_scale: z.number().describe("Guidance that a request gets if it names none"),
  loaded,
  bytes,
  ...residency,
});

export const modelsResponse = z.strictObject({ device: deviceInfo, models: z.array(modelInfo), left_out: leftOut });

const controlNetInfo = z.strictObject({
  type: z.string().describe("What a request gives as controlnets[].type"),
  model: z.string().describe("The folder of its weights"),
  for_models: z.array(z.string()).describe("Models whose requests get this one for its type"),
  preprocessor: z.string().describe("The processor that a picture goes through if the request names none"),
  loaded,
  bytes,
  ...residency,
});

export const controlNetsResponse = z.strictObject({ controlnets: z.array(controlNetInfo), left_out: leftOut });

export type ModelsResponse = z.infer<typeof modelsResponse>;
export type ControlNetsResponse = z.infer<typeof controlNetsResponse>;
