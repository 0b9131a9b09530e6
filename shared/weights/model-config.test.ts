import { expect, test } from "vitest";
import { ModelConfig } from "./model-config.js";

const config = (values: Record<string, unknown>) => new ModelConfig("unet/config.json", values);

test("a value that is not supported is named with what is", () => {
  expect(() => config({ act_fn: "mish" }).require({ act_fn: "silu" })).toThrow(
    'unet/config.json: act_fn is "mish"; "silu" is supported',
  );
  expect(() => config({ layers: -1 }).integer("layers")).toThrow(
    "layers is -1; a positive whole number up to 1048576 was expected",
  );
  expect(() => config({ act: "mish" }).oneOf("act", ["gelu", "silu"])).toThrow(
    'act is "mish"; one of gelu, silu was expected',
  );
});

test("a key that nothing reads is an error, unless it is null or diffusers' own note", () => {
  const strange = config({ _class_name: "UNet2DConditionModel", time_trick: true, absent: null });
  expect(() => strange.done()).toThrow("unet/config.json: time_trick is true; the key is not known");
  config({ _diffusers_version: "0.6.0", absent: null }).done();
});

test("missing keys take the default, and are errors where there is none", () => {
  expect(config({}).integer("in_channels", 4)).toBe(4);
  expect(config({ in_channels: null }).integer("in_channels", 4)).toBe(4);
  expect(() => config({}).integer("hidden_size")).toThrow("hidden_size is missing");
});

test("a number stands for all levels, a list for each", () => {
  expect(config({ heads: 8 }).countPerLevel("heads", 3)).toEqual([8, 8, 8]);
  expect(config({ heads: [5, 10, 20] }).countPerLevel("heads", 3)).toEqual([5, 10, 20]);
  expect(() => config({ heads: [5, 10] }).countPerLevel("heads", 3)).toThrow("a list of 3 of them");
});

test.each([1e9, -1, 0, 1.5, "12", 2 ** 20 + 1, [12]])("layers of %j are refused by name", (layers) => {
  expect(() => config({ layers }).integer("layers")).toThrow(
    /^unet\/config\.json: layers is .*; a positive whole number/,
  );
  expect(() => config({ layers: [layers] }).integers("layers")).toThrow(/^unet\/config\.json: layers is .*; a list/);
  expect(() => config({ layers: [2, layers] }).countPerLevel("layers", 2)).toThrow(/layers is /);
});

test("a list that is longer than any network is deep is refused, and shown in part", () => {
  const error = "unet/config.json: channels is [1,1,1";
  expect(() => config({ channels: Array(257).fill(1) }).integers("channels")).toThrow(error);
  expect(() => config({ channels: Array(257).fill(1) }).integers("channels")).toThrow("1…; a list of up to 256");
});
