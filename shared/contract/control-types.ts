/** The types of ControlNet: the words in names that tell them, and the processor that makes each one's control image. */

/** Lines on black or white; levels of grey; areas of few colours. */
export type ControlImageKind = "lines" | "grey" | "areas" | "any";

interface ControlType {
  /** Makes the control image unless a request names another; `none`: the net takes the picture as it is. */
  processor: string;
  /** What its control images consist of; `any`: a picture tells nothing. */
  shows: ControlImageKind;
  /** What of a folder's name tells it: whole words, in a name as `plainName` gives it. */
  words: RegExp;
}

/**
 * Matches `words` where no letter stands beside them: `canny` in `_sd21canny_` and `_canny2_`, not in `_uncanny_`. A version may follow
 * (`openposev2`), and `controlnet` may come before.
 */
const whole = (words: string): RegExp => new RegExp(`(?:(?<![a-z])|(?<=controlnet))(?:${words})(?:v\\d+)?(?![a-z])`);

/** Control types in the order in which names are tried: a name that says more stands before one that says less, such as lineart_anime before lineart. */
const CONTROL_TYPES = {
  qr_code: { processor: "none", shows: "any", words: whole("qr_?codes?") },
  mediapipe_face: { processor: "mediapipe_face", shows: "lines", words: whole("media_?pipe_?faces?") },
  inpaint: { processor: "none", shows: "any", words: whole("inpaint(ing)?") },
  shuffle: { processor: "shuffle", shows: "any", words: whole("shuffle") },
  ip2p: { processor: "none", shows: "any", words: whole("ip2p|(instruct_?)?pix2pix") },
  lineart_anime: {
    processor: "lineart_anime",
    shows: "lines",
    words: whole("line_?art(_|_\\w+_)?anime|anime(_|_\\w+_)?line_?art|manga_?line"),
  },
  scribble: { processor: "scribble_pidsafe", shows: "lines", words: whole("(fake_?)?scribbles?|sketch(es)?") },
  lineart: { processor: "lineart_realistic", shows: "lines", words: whole("line_?arts?|any_?line|misto_?line") },
  softedge: { processor: "softedge_pidsafe", shows: "lines", words: whole("soft_?edges?|hed|pidi|pidinet|teed") },
  canny: { processor: "canny", shows: "lines", words: whole("canny(_?edges?)?") },
  mlsd: { processor: "mlsd", shows: "lines", words: whole("mlsd") },
  animal_openpose: { processor: "animal_openpose", shows: "lines", words: whole("animal(_|_\\w+_)?(open|dw)?_?pose") },
  densepose: { processor: "densepose", shows: "any", words: whole("dense_?pose") },
  openpose: { processor: "openpose_full", shows: "lines", words: whole("(open|dw)?_?pose") },
  normalbae: { processor: "normal_bae", shows: "any", words: whole("normal_?bae") },
  normal: { processor: "normal_midas", shows: "any", words: whole("normals?|normal_?maps?") },
  depth: {
    processor: "depth_midas",
    shows: "grey",
    words: whole("(?<!_in_)(zoe|midas|leres|dpt|hand)?depth(_?maps?|_?anything)?|midas"),
  },
  seg: { processor: "none", shows: "areas", words: whole("seg|segment(s|ed|ation)?|ade20_?k") },
  tile: { processor: "none", shows: "any", words: whole("tile") },
  color: { processor: "color", shows: "any", words: whole("colou?r") },
} as const satisfies Record<string, ControlType>;

/** The processor for a type; `none` where no word of it is known. */
export const defaultProcessor = (type: string): string => knownType(type)?.processor ?? "none";

/** What control images of a type consist of; undefined where no word of it is known. */
export const controlImageKind = (type: string): ControlImageKind | undefined => knownType(type)?.shows;

/**
 * The type that a ControlNet's folder tells by the words in its name, else in that of a folder around it:
 * `lllyasviel/control_v11f1p_sd15_depth` and `thibaud/controlnet-sd21-zoedepth-diffusers` are `depth`, and so is `depth/sd21`. A name
 * without a known word is a type of its own.
 */
export const controlTypeOf = (id: string): string => knownName(id) ?? ownName(id.split("/").at(-1)!);

function knownType(id: string): ControlType | undefined {
  const name = knownName(id);
  return name && CONTROL_TYPES[name];
}

function knownName(id: string): keyof typeof CONTROL_TYPES | undefined {
  const names = Object.keys(CONTROL_TYPES) as (keyof typeof CONTROL_TYPES)[];
  for (const part of id.split("/").toReversed().map(plainName)) {
    const found = names.find((name) => CONTROL_TYPES[name].words.test(part));
    if (found) return found;
  }
  return undefined;
}

/** A name in lower case, each word between two `_`: `ControlNet-LineartXL` is `_control_net_lineart_xl_`, `SD15Canny` is `_sd15_canny_`. */
const plainName = (name: string): string =>
  `_${name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_").replaceAll(/[^A-Za-z0-9]+/g, "_")}_`.toLowerCase();

/** A name without the words that only say that it is a ControlNet: `control_v1p_sd15_brightness` is `brightness`. */
const ownName = (name: string): string => name.replace(/^control(net)?([-_]v\d+\w*?)?([-_]sd\d+(s2)?)?[-_]/, "");
