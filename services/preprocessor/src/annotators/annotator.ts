/** What an annotator is. To add one: a file beside this one, and a row in `index.ts`; everything else is derived from it. */
import type { GreyImage, RgbImage } from "@armature/pixels";
import type { z } from "zod";
import type { AnnotatorNetwork } from "../networks/annotator-network.js";

export type ControlImage = RgbImage | GreyImage;

/** The networks of an annotator, by the names that its `run` knows them by: `{ depth }`. */
export type Networks = Readonly<Record<string, AnnotatorNetwork<unknown>>>;

export interface AnnotatorDefinition<Options extends z.ZodObject, N extends Networks> {
  /** The processors that it serves, by id: the last part of the path of `POST /image/{processor}`. */
  ids: Readonly<Record<string, ProcessorRow<Options>>>;
  /** Options of a request; their defaults give an image of the input's size. */
  options: Options;
  /** What `run` is handed, loaded. A processor is served where the models of all of them are there. */
  networks?: N;
  run(image: RgbImage, options: z.output<Options>, networks: Opened<N>): ControlImage | Promise<ControlImage>;
}

interface ProcessorRow<Options extends z.ZodObject> {
  /** What the control image shows. */
  description: string;
  /** Options that make this processor what it is; requests cannot change them. */
  preset?: Partial<z.input<Options>>;
}

/** Networks as `run` takes them. */
export type Opened<N extends Networks> = {
  readonly [Name in keyof N]: N[Name] extends AnnotatorNetwork<infer Network> ? Network : never;
};

/** One id of an annotator. The caller of `run` has parsed the options and opened the networks. */
export interface Processor {
  id: string;
  description: string;
  /** What a request may set. */
  options: z.ZodObject;
  networks: Networks;
  run(image: RgbImage, options: object, networks: object): Promise<ControlImage>;
}

/** The processors of an annotator. Throws where a preset does not fit the options. */
export function defineAnnotator<Options extends z.ZodObject, N extends Networks = Record<string, never>>(
  annotator: AnnotatorDefinition<Options, N>,
): Processor[] {
  const { ids, options, networks = {}, run } = annotator;
  return Object.entries(ids).map(([id, { description, preset = {} }]) => {
    const presets = Object.fromEntries(Object.keys(preset).map((name) => [name, true])) as Record<never, true>;
    const fixed = options.pick(presets).parse(preset);
    return {
      id,
      description,
      options: options.omit(presets),
      networks,
      run: async (image, given, opened) => run(image, { ...given, ...fixed } as z.output<Options>, opened as Opened<N>),
    };
  });
}
