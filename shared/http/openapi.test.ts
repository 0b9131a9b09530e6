import { expect, test } from "vitest";
import { z } from "zod";
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

test("a tuple of equal items is a list of that length, which every reader of 3.1 understands; others stay tuples", () => {
  const share = z.number().min(0).max(1);
  const body = z.object({ interval: z.tuple([share, share]), pair: z.tuple([z.string(), share]) });
  const document = openApiDocument({ title: "Shares", version: "1", description: "Shares" }, [
    {
      method: "get",
      path: "/shares",
      summary: "S",
      tag: "S",
      responses: { 200: { description: "S", content: { "application/json": body } } },
    },
  ]);
  const schema = document.paths["/shares"]!.get!.responses[200]!.content!["application/json"]!.schema;
  expect(schema.properties).toMatchObject({
    interval: { type: "array", items: { type: "number", minimum: 0, maximum: 1 }, minItems: 2, maxItems: 2 },
    pair: { prefixItems: [{ type: "string" }, { type: "number" }] },
  });
  expect(schema.properties!.interval).not.toHaveProperty("prefixItems");
});
