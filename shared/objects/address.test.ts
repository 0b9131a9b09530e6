import { expect, test } from "vitest";
import { parseS3Url } from "./address.js";

test("addresses of buckets", () => {
  expect(parseS3Url("s3://weights")).toEqual({ bucket: "weights", prefix: "" });
  expect(parseS3Url("s3://weights/a/b/")).toEqual({ bucket: "weights", prefix: "a/b" });
  expect(() => parseS3Url("s3://Weights/")).toThrow(/is no S3 address/);
  expect(() => parseS3Url("s3:/weights")).toThrow(/is no S3 address/);
});
