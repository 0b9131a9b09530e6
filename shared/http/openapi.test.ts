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

test("an optional member of a request may be null, in lists and forms too; a required one, a parameter and an answer may not", () => {
  const inner = z.object({ scale: z.number().default(1).describe("Strength"), kind: z.string() });
  const body = z.object({ nets: z.array(inner).optional(), seed: z.union([z.int(), z.array(z.int())]).optional() });
  const json = { "application/json": body };
  const { paths } = openApiDocument({ title: "N", version: "1", description: "N" }, [
    {
      ...{ method: "post", path: "/n", summary: "N", tag: "N", query: z.object({ size: z.string().optional() }) },
      ...{ request: json, responses: { 200: { description: "N", content: json } } },
    },
  ]);
  const { parameters, requestBody, responses } = paths["/n"]!.post!;
  const list = {
    type: "array",
    items: { properties: { scale: { default: 1, description: "Strength" }, kind: { type: "string" } } },
  };
  expect(requestBody!.content["application/json"]!.schema.properties).toMatchObject({
    nets: { anyOf: [list, { type: "null" }] },
    seed: { anyOf: [{ type: "integer" }, { type: "array" }, { type: "null" }] },
  });
  const texts = [requestBody, parameters, responses].map((part) => JSON.stringify(part).split('"null"').length - 1);
  expect(texts).toEqual([3, 0, 0]);
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
