import { expect, test } from "vitest";
import { ModelConfig } from "./model-config.js";

const config = (values: Record<string, unknown>) => new ModelConfig("unet/config.json", values);

test("a value that is not supported is named with what is", () => {
  expect(() => config({ act_fn: "mish" }).require({ act_fn: "silu" })).toThrow(
    'unet/config.json: act_fn is "mish"; "silu" is supported',
  );
  expect(() => config({ layers: -1 }).integer("layers")).toThrow("layers is -1; a positive whole number was expected");
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
  expect(config({ heads: 8 }).integerPerLevel("heads", 3)).toEqual([8, 8, 8]);
  expect(config({ heads: [5, 10, 20] }).integerPerLevel("heads", 3)).toEqual([5, 10, 20]);
  expect(() => config({ heads: [5, 10] }).integerPerLevel("heads", 3)).toThrow("a list of 3 of them");
});
