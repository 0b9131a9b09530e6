import { expect, test } from "vitest";
import { openApiDocument, type RouteDeclaration } from "./openapi.js";

test("paths that differ by a plus alone are operations of their own", () => {
  const route = (path: string): RouteDeclaration => {
    return { method: "post", path, summary: "Depth", tag: "Depth", responses: { 200: { description: "Depth" } } };
  };
  const info = { title: "Depth", version: "1", description: "Depth" };
  const { paths } = openApiDocument(info, [route("/image/depth_leres"), route("/image/depth_leres++")]);
  expect(Object.values(paths).map(({ post }) => post?.operationId)).toEqual([
    "postImageDepthLeres",
    "postImageDepthLeresPlusPlus",
  ]);
});
