/** The types of ControlNet: the words in names that tell them, and the processor that makes each one's control image. */

/** Lines on black or white; levels of grey; areas of few colours. */
export type ControlImageKind = "lines" | "grey" | "areas" | "any";

interface ControlType {
  /** Makes the control image unless a request names another; `none`: the net takes the picture as it is. */
  processor: string;
  /** What its control images consist of; `any`: a picture tells nothing. */
  shows: ControlImageKind;
  /** What of a folder's name tells it. Letters, digits and `_` for what parts words, as `plainName` gives them. */
  words: RegExp;
}

/** Control types in the order in which names are tried: a name that says more stands before one that says less, such as lineart_anime before lineart. */
const CONTROL_TYPES = {
  qr_code: { processor: "none", shows: "any", words: /qr_?code/ },
  mediapipe_face: { processor: "mediapipe_face", shows: "lines", words: /media_?pipe_?face/ },
  inpaint: { processor: "none", shows: "any", words: /inpaint/ },
  shuffle: { processor: "shuffle", shows: "any", words: /shuffle/ },
  ip2p: { processor: "none", shows: "any", words: /ip2p|pix2pix/ },
  lineart_anime: {
    processor: "lineart_anime",
    shows: "lines",
    words: /line_?art\w*anime|anime\w*line_?art|manga_?line/,
  },
  scribble: { processor: "scribble_pidsafe", shows: "lines", words: /scribble|sketch/ },
  lineart: { processor: "lineart_realistic", shows: "lines", words: /line_?art|anyline|misto_?line/ },
  softedge: { processor: "softedge_pidsafe", shows: "lines", words: /soft_?edge|_(hed|pidi|pidinet|teed)_/ },
  canny: { processor: "canny", shows: "lines", words: /canny/ },
  mlsd: { processor: "mlsd", shows: "lines", words: /mlsd/ },
  animal_openpose: { processor: "animal_openpose", shows: "lines", words: /animal\w*pose/ },
  densepose: { processor: "densepose", shows: "any", words: /dense_?pose/ },
  openpose: { processor: "openpose_full", shows: "lines", words: /open_?pose|dw_?pose|_pose_/ },
  normalbae: { processor: "normal_bae", shows: "any", words: /normal_?bae/ },
  normal: { processor: "normal_midas", shows: "any", words: /_normals?_|normal_?map/ },
  depth: { processor: "depth_midas", shows: "grey", words: /depth|midas/ },
  seg: { processor: "none", shows: "areas", words: /_seg_|segment|ade20k/ },
  tile: { processor: "none", shows: "any", words: /_tile_/ },
  color: { processor: "color", shows: "any", words: /_colou?r_/ },
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

/** A name in lower case, each word between two `_`: `ControlNet-LineartXL` is `_control_net_lineart_xl_`. */
const plainName = (name: string): string =>
  `_${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").replaceAll(/[^A-Za-z0-9]+/g, "_")}_`.toLowerCase();

/** A name without the words that only say that it is a ControlNet: `control_v1p_sd15_brightness` is `brightness`. */
const ownName = (name: string): string => name.replace(/^control(net)?([-_]v\d+\w*?)?([-_]sd\d+(s2)?)?[-_]/, "");
