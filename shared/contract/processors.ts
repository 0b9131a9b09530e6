/** The preprocessor service: `GET /processors` and `POST /image/{processor}`. */
import { z } from "zod";
import { deviceInfo } from "./device.js";
import { leftOut } from "./left-out.js";

const processorInfo = z.strictObject({
  id: z.string().describe("The last part of the path of POST /image/{processor}"),
  description: z.string().describe("What the control image shows"),
  options: z
    .record(z.string(), z.json())
    .describe("JSON Schema of the options, which are query parameters or fields of the JSON body"),
});

export const processorsResponse = z.strictObject({
  device: deviceInfo.describe("What computes the networks of processors that have one"),
  processors: z.array(processorInfo),
  left_out: leftOut,
});

/** The JSON form of the request's body, beside the processor's options; the other form is the picture's bytes as they are. */
export const imageRequest = z.strictObject({
  image: z.string().min(1).describe("The picture: base64, a data: URL, or an http(s) URL"),
});

export type ProcessorsResponse = z.infer<typeof processorsResponse>;
