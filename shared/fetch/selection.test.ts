/** Names that users give, and the manifest behind them. */

import { InvalidConfig } from "@armature/core";
import { expect, test } from "vitest";
import { ANNOTATORS, BASE_MODELS, CONTROLNETS, EXTRAS, type Weights } from "./manifest.js";
import { isFilePath, isRepositoryId } from "./names-on-disk.js";
import { foldersWithoutWeights } from "./select-files.js";
import { type Selection, selectWeights } from "./selection.js";

const GB = 1e9;

function plannedBytes(selection: Selection): number {
  return selection.flatMap(({ wanted }) => [...wanted.files.values()]).reduce((a, b) => a + b, 0);
}

test("every entry of the manifest names a sound repository and sound files, each with a size", () => {
  const entries: Weights[] = [BASE_MODELS, CONTROLNETS, EXTRAS].flatMap((table) => Object.values<Weights>(table));
  entries.push(...Object.values(ANNOTATORS).flat());
  expect(entries.length).toBeGreaterThan(40);
  for (const { repository, files, optional = [], alternatives = [], licence } of entries) {
    for (const id of [repository, ...alternatives]) expect(isRepositoryId(id), id).toBe(true);
    for (const [path, bytes] of Object.entries(files)) {
      expect(isFilePath(path), path).toBe(true);
      expect(bytes).toBeGreaterThan(0);
    }
    expect(optional.every(isFilePath)).toBe(true);
    expect(foldersWithoutWeights(Object.keys(files))).toEqual([]);
    expect(licence).not.toBe("");
  }
});

test("all 14 ControlNets take 10.1 GB instead of 60.8, and all annotators less than 3.0", () => {
  const nets = selectWeights({ controlnets: ["all"] }).filter(({ repository }) => repository.startsWith("lllyasviel/"));
  expect(nets.length).toBe(14);
  expect(plannedBytes(nets) / GB).toBeCloseTo(10.1, 1);
  expect(plannedBytes(selectWeights({ annotators: ["all"] })) / GB).toBeLessThan(3.0);
  expect(plannedBytes(selectWeights({ models: ["sd15"] })) / GB).toBeCloseTo(2.13, 1);
});

test("the reference's processors all have an entry; those that only compute need no file", () => {
  const ids = (
    "scribble_hed softedge_hed scribble_hedsafe softedge_hedsafe depth_midas mlsd openpose openpose_face " +
    "openpose_faceonly openpose_full openpose_hand scribble_pidinet softedge_pidinet scribble_pidsafe softedge_pidsafe " +
    "normal_bae lineart_realistic lineart_coarse lineart_anime canny shuffle depth_leres depth_leres++ sam remove_background"
  ).split(" ");
  expect(selectWeights({ annotators: ids }).length).toBe(4);
  expect(selectWeights({ annotators: ["canny", "shuffle"] })).toEqual([]);
  expect(() => selectWeights({ annotators: ["mediapipe_face"] })).toThrow(/mediapipe_face: no weights can be fetched/);
});

test("names of one repository become one request, with the files of all", () => {
  const [only, ...rest] = selectWeights({ annotators: ["openpose_full", "openpose", "softedge_hed"] });
  expect(rest).toEqual([]);
  expect([...(only?.wanted.files.keys() ?? [])]).toEqual([
    "body_pose_model.pth",
    "hand_pose_model.pth",
    "facenet.pth",
    "ControlNetHED.pth",
  ]);
  expect(only?.labels).toEqual(["annotator openpose_full", "annotator openpose", "annotator softedge_hed"]);
  expect(only?.licence).toBe("CMU OpenPose, non-commercial; other");
});

test("a model by its repository, in any case, at a revision, or unknown to the manifest", () => {
  const [known] = selectWeights({ models: ["lykon/dreamshaper@v2"] });
  expect(known?.repository).toBe("Lykon/DreamShaper");
  expect(known?.revision).toBe("v2");
  expect(known?.wanted.smallest).toBe(false);
  const [unknown] = selectWeights({ models: ["somebody/model"] });
  expect(unknown?.wanted.smallest).toBe(true);
  const [both] = selectWeights({ models: ["sd15@abc"], extras: ["safety_checker"] });
  expect(both?.revision).toBe("abc");
  expect(both?.wanted.files.has("safety_checker/config.json")).toBe(true);
  expect(() => selectWeights({ models: ["a/b@1"], controlnets: ["a/b@2"] })).toThrow(/two revisions/);
});

test.each([
  [{ controlnets: ["dpth"] }, /ControlNet "dpth" is not known; did you mean depth\?/],
  [{ annotators: ["openpos"] }, /did you mean openpose\?/],
  [{ models: ["../../etc"] }, /model "..\/..\/etc" is not known/],
  [{ models: ["__proto__"] }, /is not known/],
  [{ extras: ["constructor"] }, /extra "constructor" is not known/],
])("%j is refused with what is known", (names, message) => {
  expect(() => selectWeights(names)).toThrow(InvalidConfig);
  expect(() => selectWeights(names)).toThrow(message);
});
