/** The types of ControlNet: the words in names that tell them, and the processor that makes each one's control image. */

interface ControlType {
  /** Makes the control image unless a request names another; `none`: the net takes the picture as it is. */
  processor: string;
  /** What of a folder's name tells it. Letters, digits and `_` for what parts words, as `plainName` gives them. */
  words: RegExp;
}

/** In the order in which names are tried: one that says more stands before one that says less, such as lineart_anime before lineart. */
const CONTROL_TYPES = {
  qr_code: { processor: "none", words: /qr_?code/ },
  mediapipe_face: { processor: "mediapipe_face", words: /media_?pipe_?face/ },
  inpaint: { processor: "none", words: /inpaint/ },
  shuffle: { processor: "shuffle", words: /shuffle/ },
  ip2p: { processor: "none", words: /ip2p|pix2pix/ },
  lineart_anime: { processor: "lineart_anime", words: /line_?art\w*anime|anime\w*line_?art|manga_?line/ },
  scribble: { processor: "scribble_pidsafe", words: /scribble|sketch/ },
  lineart: { processor: "lineart_realistic", words: /line_?art|anyline|misto_?line/ },
  softedge: { processor: "softedge_pidsafe", words: /soft_?edge|_(hed|pidi|pidinet|teed)_/ },
  canny: { processor: "canny", words: /canny/ },
  mlsd: { processor: "mlsd", words: /mlsd/ },
  animal_openpose: { processor: "animal_openpose", words: /animal\w*pose/ },
  densepose: { processor: "densepose", words: /dense_?pose/ },
  openpose: { processor: "openpose_full", words: /open_?pose|dw_?pose|_pose_/ },
  normalbae: { processor: "normal_bae", words: /normal_?bae/ },
  normal: { processor: "normal_midas", words: /_normals?_|normal_?map/ },
  depth: { processor: "depth_midas", words: /depth|midas/ },
  seg: { processor: "none", words: /_seg_|segment|ade20k/ },
  tile: { processor: "none", words: /_tile_/ },
  color: { processor: "color", words: /_colou?r_/ },
} as const satisfies Record<string, ControlType>;

export type KnownControlType = keyof typeof CONTROL_TYPES;

/** Whether it is known what a net of this type wants to see. */
export function isKnownControlType(type: string): type is KnownControlType {
  return Object.hasOwn(CONTROL_TYPES, type);
}

/** The processor for a type; `none` for a type that is not known. */
export const defaultProcessor = (type: string): string =>
  isKnownControlType(type) ? CONTROL_TYPES[type].processor : "none";

/**
 * The type that a ControlNet's folder tells by the words in its name, else in that of a folder around it:
 * `lllyasviel/control_v11f1p_sd15_depth` and `thibaud/controlnet-sd21-zoedepth-diffusers` are `depth`, `depth/sd21` is, too. A name
 * without a known word is a type of its own.
 */
export function controlTypeOf(id: string): string {
  const parts = id.split("/");
  const told = parts.toReversed().map(knownTypeIn);
  return told.find((type) => type !== undefined) ?? ownName(parts.at(-1)!);
}

function knownTypeIn(part: string): string | undefined {
  const name = plainName(part);
  return Object.entries(CONTROL_TYPES).find(([, { words }]) => words.test(name))?.[0];
}

/** In lower case, each word between two `_`: `ControlNet-LineartXL` is `_control_net_lineart_xl_`. */
const plainName = (name: string): string =>
  `_${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").replaceAll(/[^A-Za-z0-9]+/g, "_")}_`.toLowerCase();

/** Without what says no more than that it is a ControlNet: `control_v1p_sd15_brightness` is `brightness`. */
const ownName = (name: string): string => name.replace(/^control(net)?([-_]v\d+\w*?)?([-_]sd\d+(s2)?)?[-_]/, "");
