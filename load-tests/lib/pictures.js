/** The pictures that are asked for: few enough that each is made once before the load, and every answer compared with that. */
import encoding from "k6/encoding";

const example = (name) => open(`../../models/examples/${name}.png`, "b");

/** Photographs, as bytes; open() works only while k6 reads the scripts. */
export const PHOTOS = {
  cone: example("green-cone"),
  sphere: example("yellow-sphere"),
};

/** What rates are counted in; a few steps only, so that a minute sees many. */
const USUAL = JSON.parse(open("./usual-picture.json"));

/** From a prompt alone. */
export const usualPictures = [1, 2, 3, 4].map((seed) => ({ ...USUAL, seed }));

/** Requests whose control images the client brings ready-made. */
export const controlledPictures = [
  controlled("depth", example("green-cone-depth"), { seed: 5, preprocessor: "none" }),
  controlled("canny", example("green-cone-canny"), { seed: 6, preprocessor: "none" }),
];

/** Requests with photographs that the preprocessor service must annotate. */
export const annotatedPictures = [
  controlled("depth", PHOTOS.cone, { seed: 7 }),
  controlled("canny", PHOTOS.sphere, { seed: 8 }),
];

export const allPictures = [...usualPictures, ...controlledPictures, ...annotatedPictures];

/** Item `n` of a list that goes round. */
export const inTurn = (list, n) => list[n % list.length];

function controlled(type, image, { seed, ...preprocessor }) {
  return { ...USUAL, seed, controlnets: [{ type, image: encoding.b64encode(image), ...preprocessor }] };
}
