import { ANNOTATORS } from "@armature/fetch";
import { PROCESSORS } from "@armature/preprocessor/annotators/index";
import { expect, test } from "vitest";

test("the weights of every processor that has a network can be fetched by its id", () => {
  const ids = PROCESSORS.filter(({ networks }) => Object.keys(networks).length > 0).map(({ id }) => id);
  expect(ids.filter((id) => !Object.hasOwn(ANNOTATORS, id))).toEqual([]);
});
