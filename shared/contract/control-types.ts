/** The types of ControlNet, and the processor that makes each one's control image unless a request names another. */

/** `none`: the net takes the picture as it is. */
const DEFAULT_PROCESSORS: Readonly<Record<string, string>> = {
  canny: "canny",
  depth: "depth_midas",
  inpaint: "none",
  ip2p: "none",
  lineart: "lineart_realistic",
  lineart_anime: "lineart_anime",
  mlsd: "mlsd",
  normalbae: "normal_bae",
  openpose: "openpose_full",
  qr_code: "none",
  scribble: "scribble_pidsafe",
  seg: "none",
  shuffle: "shuffle",
  softedge: "softedge_pidsafe",
  tile: "none",
};

/** The processor for a type; `none` for a type that is not known. */
export function defaultProcessor(type: string): string {
  return Object.hasOwn(DEFAULT_PROCESSORS, type) ? DEFAULT_PROCESSORS[type]! : "none";
}

/** The type that a ControlNet's folder name tells: `lllyasviel/control_v11f1p_sd15_depth` and `controlnet-depth` are `depth`. */
export function controlTypeOf(id: string): string {
  const name = id.split("/").at(-1)!;
  if (/qrcode/i.test(name)) return "qr_code";
  return name.replace(/^control(net)?([-_]v\d+\w*?)?([-_]sd\d+(s2)?)?[-_]/, "");
}
