/** Which networks read a prompt is the family's to say. */
import { CPU_PROFILE } from "@armature/graph";
import { afterEach, expect, test, vi } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { sd1 } from "../families/sd1.js";
import { factsOf } from "../served/facts-of.js";
import { readServed } from "../served/read-served.js";
import { encodePrompt } from "./encode-prompt.js";

afterEach(() => vi.restoreAllMocks());

const facts = factsOf(readServed({ modelsDir: EMBEDDED_MODELS }), { profile: CPU_PROFILE });
const texts = ["", "a cat"].map((text) => ({ text, clipSkip: 0 }));

test("a family with two text encoders has both loaded, for all texts", () => {
  const uses = () => encodePrompt.uses({ model: "tiny-sd", texts }, facts);
  const use = { component: "tiny-sd", sizes: { B: 2 } };
  expect(uses()).toEqual([{ ...use, network: "text encoder" }]);
  vi.spyOn(sd1.text, "encoders", "get").mockReturnValue([{ name: "text encoder" }, { name: "second text encoder" }]);
  expect(uses()).toEqual([
    { ...use, network: "text encoder" },
    { ...use, network: "second text encoder" },
  ]);
});

test("the family encodes the texts, with its sessions and tokenizers of the model; what it cuts off is told", async () => {
  const embeds = { data: new Float32Array(), texts: 2, length: 77, width: 1 };
  const encode = vi.spyOn(sd1.text, "encode").mockResolvedValue({ embeds, cutOff: [undefined, "on a mat"] });
  const tools = { ...facts, session: vi.fn(), tokenizer: vi.fn() };
  const made = await encodePrompt.run({ model: "tiny-sd", texts }, {}, tools as never);
  expect(made).toEqual({ embeds, cutTexts: { prompt: "on a mat" } });
  const [given, configs, own] = encode.mock.calls[0]!;
  expect([given, configs]).toEqual([texts, facts.model("tiny-sd").configs]);
  own.tokenizer("tokenizer_2");
  expect(tools.tokenizer).toHaveBeenCalledWith("tiny-sd", "tokenizer_2");
});
