/** ControlNets (arXiv:2302.05543): pictures that the picture follows. */
import { controlImageKind, controlNetName, defaultProcessor, name } from "@armature/contract";
import { type FieldIssue, InvalidRequest } from "@armature/core";
import { z } from "zod";
import type { StepWindow } from "../schedulers/step-window.js";
import { adapterFor, adaptersNamed, adaptersOfKind } from "../served/choose-adapter.js";
import type { ServedAdapter } from "../served/served.js";
import { defineFeature, type ResolveContext } from "./feature.js";
import { notServed } from "./not-served.js";
import { optionName, optionValue } from "./option-values.js";
import { looksLikePhotograph } from "./photograph.js";

const share = z.number().min(0).max(1);

const controlNet = z.strictObject({
  type: controlNetName.describe(
    "Which ControlNet: a type such as depth or canny, of which the one made for the model is taken; or the folder of one. GET /controlnets lists those served",
  ),
  image: z.string().min(1).describe("The picture to follow: base64, a data: URL, or an http(s) URL"),
  preprocessor: name
    .optional()
    .describe(
      "Processor that makes the control image; none if image is one already, whose size is then kept. Default: the type's own",
    ),
  preprocessor_options: z
    .record(z.string().regex(optionName, "wants the name of an option").max(64), optionValue)
    .default({})
    .describe("Options of the processor, as GET /processors of the preprocessor service lists them"),
  conditioning_scale: z.number().min(0).max(10).default(1).describe("Strength: the residuals are multiplied by it"),
  control_guidance_start: share.default(0).describe("Share of the steps at which it sets in"),
  control_guidance_end: share.default(1).describe("Share of the steps at which it ends"),
  guess_mode: z.boolean().default(false).describe("Follow the control image even where the prompt says nothing"),
});

type ControlNetRequest = z.infer<typeof controlNet>;

/** One ControlNet of a resolved request. */
export interface Control extends StepWindow {
  /** As the request has it. */
  type: string;
  /** Id of the ControlNet that is taken. */
  net: string;
  /** What makes the control image of its picture; `none`: it is one. */
  processor: string;
  options: ControlNetRequest["preprocessor_options"];
  conditioningScale: number;
  /** Follows the picture even where the prompt says nothing: the finer residuals count less. */
  guessMode: boolean;
  /** Steers the conditional half alone: in guess mode, and always where the net pools over the picture. */
  conditionalOnly: boolean;
}

/** Where the picture of a ControlNet stands in the request. */
export const controlPicture = (control: number): string => `/controlnets/${control}/image`;

export const controlNets = defineFeature({
  fields: ({ maxControlNets }) => ({
    controlnets: z.array(controlNet).max(maxControlNets).default([]).describe("ControlNets to apply together"),
  }),
  *conflicts({ controlnets }) {
    for (const [i, net] of controlnets.entries()) {
      const { control_guidance_start: start, control_guidance_end: end } = net;
      if (start >= end) {
        const path = ["controlnets", i, "control_guidance_start"];
        yield { path, message: `wants less than control_guidance_end, found ${start} and ${end}` };
      }
      if (net.preprocessor === "none" && Object.keys(net.preprocessor_options).length > 0) {
        const path = ["controlnets", i, "preprocessor_options"];
        yield { path, message: "wants no options, since preprocessor is none" };
      }
    }
  },
  pictures: ({ controlnets }, context) =>
    controlnets.map((request, i) => {
      const processor = processorOf(request, adapterFor("controlnet", request.type, context));
      const { image: source, preprocessor_options: options } = request;
      const annotation = { processor, options, place: `/controlnets/${i}/preprocessor` };
      const how = processor === "none" ? { size: "kept" as const } : { size: "shape" as const, annotation };
      return { place: controlPicture(i), source, ...how };
    }),
  resolve({ controlnets }, context) {
    const issues = controlnets.flatMap((net, i) => [...issuesOf(net, `/controlnets/${i}`, context)]);
    if (issues.length > 0) throw new InvalidRequest(issues);
    return { controls: controlnets.map((net) => resolveOne(net, context)) };
  },
  answer: {
    controlnets: z.array(
      controlNet
        .omit({ image: true })
        .extend({ preprocessor: z.string(), preprocessor_options: z.record(z.string(), optionValue) }),
    ),
  },
  parameters: ({ controls }) => ({
    controlnets: controls.map((control) => ({
      type: control.type,
      preprocessor: control.processor,
      preprocessor_options: control.options,
      conditioning_scale: control.conditioningScale,
      control_guidance_start: control.start,
      control_guidance_end: control.end,
      guess_mode: control.guessMode,
    })),
  }),
  *warnings({ controls }, { evaluations, steeredBy, pictures }) {
    for (const [i, { type, processor, start, end, conditioningScale }] of controls.entries()) {
      const [subject, picture] = [`controlnets[${i}] (${type})`, controlPicture(i)];
      if (conditioningScale === 0) {
        yield `${subject} has no effect: conditioning_scale is 0`;
      } else if (!steeredBy.has(picture)) {
        const share = `control_guidance_start ${start} and control_guidance_end ${end}`;
        yield `${subject} has no effect: no step of ${evaluations.length} lies whole between ${share}`;
      } else if (processor === "none" && looksLikePhotograph(pictures[picture]!, controlImageKind(type))) {
        yield `${subject} took its picture for a control image, since its preprocessor is none; it looks like a photograph, of which a preprocessor would make one`;
      }
    }
  },
  adapters: ({ controls }) =>
    controls.map(({ type, net: component, conditioningScale, guessMode, start, end, conditionalOnly }, i) => ({
      ...{ kind: "controlnet" as const, type, component, picture: controlPicture(i) },
      ...{ start, end, conditionalOnly, conditioningScale, guessMode },
    })),
});

function* issuesOf(
  request: ControlNetRequest,
  pointer: string,
  { served, model }: ResolveContext,
): Generator<FieldIssue> {
  const { type, preprocessor_options: options } = request;
  const nets = adaptersNamed("controlnet", type, served);
  const net = adapterFor("controlnet", type, { served, model });
  if (nets.length === 0) {
    const types = [...new Set(adaptersOfKind("controlnet", served).map((entry) => entry.type))];
    yield { pointer: `${pointer}/type`, detail: notServed("ControlNet", type, types) };
  } else if (!net) {
    const [ids, were] = [nets.map(({ id }) => id).join(", "), nets.length > 1 ? "were" : "was"];
    yield { pointer: `${pointer}/type`, detail: `${ids} ${were} not made for a model like ${model.id}` };
  }
  if (processorOf(request, net) === "none" && Object.keys(options).length > 0) {
    yield { pointer: `${pointer}/preprocessor_options`, detail: "no preprocessor runs that could take them" };
  }
}

function resolveOne(request: ControlNetRequest, context: ResolveContext): Control {
  const net = adapterFor("controlnet", request.type, context)!;
  return {
    type: request.type,
    net: net.id,
    processor: processorOf(request, net),
    options: request.preprocessor_options,
    conditioningScale: request.conditioning_scale,
    start: request.control_guidance_start,
    end: request.control_guidance_end,
    guessMode: request.guess_mode,
    conditionalOnly: request.guess_mode || net.config.globalPool,
  };
}

const processorOf = ({ type, preprocessor }: ControlNetRequest, net: ServedAdapter<"controlnet"> | undefined): string =>
  preprocessor ?? defaultProcessor(net?.type ?? type);
