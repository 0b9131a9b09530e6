import { expect, test } from "vitest";
import { controlTypeOf, defaultProcessor } from "./control-types.js";

test.each([
  ["lllyasviel/control_v11p_sd15_canny", "canny"],
  ["lllyasviel/control_v11f1p_sd15_depth", "depth"],
  ["lllyasviel/control_v11p_sd15_mlsd", "mlsd"],
  ["lllyasviel/control_v11p_sd15_normalbae", "normalbae"],
  ["lllyasviel/control_v11p_sd15_seg", "seg"],
  ["lllyasviel/control_v11p_sd15_inpaint", "inpaint"],
  ["lllyasviel/control_v11p_sd15_lineart", "lineart"],
  ["lllyasviel/control_v11p_sd15s2_lineart_anime", "lineart_anime"],
  ["lllyasviel/control_v11p_sd15_openpose", "openpose"],
  ["lllyasviel/control_v11p_sd15_scribble", "scribble"],
  ["lllyasviel/control_v11p_sd15_softedge", "softedge"],
  ["lllyasviel/control_v11e_sd15_shuffle", "shuffle"],
  ["lllyasviel/control_v11e_sd15_ip2p", "ip2p"],
  ["lllyasviel/control_v11f1e_sd15_tile", "tile"],
  ["lllyasviel/sd-controlnet-canny", "canny"],
  ["lllyasviel/sd-controlnet-depth", "depth"],
  ["lllyasviel/sd-controlnet-hed", "softedge"],
  ["lllyasviel/sd-controlnet-mlsd", "mlsd"],
  ["lllyasviel/sd-controlnet-normal", "normal"],
  ["lllyasviel/sd-controlnet-openpose", "openpose"],
  ["lllyasviel/sd-controlnet-scribble", "scribble"],
  ["lllyasviel/sd-controlnet-seg", "seg"],
  ["thibaud/controlnet-sd21-canny-diffusers", "canny"],
  ["thibaud/controlnet-sd21-zoedepth-diffusers", "depth"],
  ["thibaud/controlnet-sd21-hed-diffusers", "softedge"],
  ["thibaud/controlnet-sd21-openposev2-diffusers", "openpose"],
  ["thibaud/controlnet-sd21-ade20k-diffusers", "seg"],
  ["thibaud/controlnet-sd21-color-diffusers", "color"],
  ["diffusers/controlnet-canny-sdxl-1.0", "canny"],
  ["diffusers/controlnet-depth-sdxl-1.0-small", "depth"],
  ["diffusers/controlnet-zoe-depth-sdxl-1.0", "depth"],
  ["xinsir/controlnet-tile-sdxl-1.0", "tile"],
  ["TTPLanet/TTPLanet_SDXL_Controlnet_Tile_Realistic", "tile"],
  ["TheMistoAI/MistoLine", "lineart"],
  ["kataragi/ControlNet-LineartXL", "lineart"],
  ["Eugeoter/noob-sdxl-controlnet-manga_line", "lineart_anime"],
  ["Eugeoter/noob-sdxl-controlnet-scribble_hed", "scribble"],
  ["CrucibleAI/ControlNetMediaPipeFace", "mediapipe_face"],
  ["CrucibleAI/ControlNetMediaPipeFace/diffusion_sd15", "mediapipe_face"],
  ["DionTimmer/controlnet_qrcode-control_v11p_sd21", "qr_code"],
  ["monster-labs/control_v1p_sd15_qrcode_monster", "qr_code"],
  ["someone/sd21canny", "canny"],
  ["someone/SD15Canny", "canny"],
  ["someone/controlnetcanny", "canny"],
  ["someone/controlnet-depth-anything-v2", "depth"],
  ["someone/animal-openpose", "animal_openpose"],
  ["someone/ControlNetADE20K", "seg"],
  ["depth/sd21", "depth"],
  ["controlnet-depth", "depth"],
])("%s is of type %s by its words", (id, type) => {
  expect(controlTypeOf(id)).toBe(type);
});

test.each([
  ["ioclab/control_v1p_sd15_brightness", "brightness"],
  ["someone/controlnet-sparkles", "sparkles"],
  ["someone/shedding-tiles", "shedding-tiles"],
  ["someone/uncanny-valley", "uncanny-valley"],
  ["someone/in-depth-study", "in-depth-study"],
  ["someone/etch-a-sketchbook", "etch-a-sketchbook"],
  ["someone/reshuffled", "reshuffled"],
  ["someone/animalcompose", "animalcompose"],
])("%s holds no known word and is of a type of its own, %s, without a processor", (id, type) => {
  expect(controlTypeOf(id)).toBe(type);
  expect(defaultProcessor(type)).toBe("none");
});

test("each type is told by its own name", () => {
  const types = ["qr_code", "mediapipe_face", "inpaint", "shuffle", "ip2p", "lineart_anime", "scribble", "lineart"];
  types.push("softedge", "canny", "mlsd", "animal_openpose", "densepose", "openpose", "normalbae", "normal", "depth");
  types.push("seg", "tile", "color");
  expect(types.map(controlTypeOf)).toEqual(types);
});

test("a photograph goes through the processor of the type", () => {
  expect(["canny", "depth", "softedge", "normal", "tile"].map(defaultProcessor)).toEqual([
    ...["canny", "depth_midas", "softedge_pidsafe", "normal_midas", "none"],
  ]);
});
