import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidModel } from "@armature/core";
import { afterAll, describe, expect, test } from "vitest";
import { cpuTimed } from "../../../../testing/cpu-time.js";
import { loadClipTokenizer } from "./clip-tokenizer.js";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const SD15 = fromRoot("models/tiny-sd/tokenizer");

const temporary: string[] = [];
afterAll(() => {
  for (const folder of temporary) rmSync(folder, { recursive: true });
});

/** A copy of the embedded tokenizer with other config files: Stable Diffusion 2 has the same vocabulary. */
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
  temporary.push(folder);
  cpSync(SD15, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const sd21File = (name: string) => readFileSync(fromRoot(`fixtures/tokenizer/sd21/${name}`), "utf8");
const SD21 = folderWith({
  "tokenizer_config.json": sd21File("tokenizer_config.json"),
  "special_tokens_map.json": sd21File("special_tokens_map.json"),
});

const withConfig = (changes: Record<string, unknown>) => {
  const config = JSON.parse(readFileSync(join(SD15, "tokenizer_config.json"), "utf8"));
  return folderWith({ "tokenizer_config.json": JSON.stringify({ ...config, ...changes }) });
};

interface Case {
  text: string;
  ids: number[];
  ids_truncated: number[];
  ids_padded: number[];
  attention_mask: number[];
}
const casesOf = (model: string) =>
  (JSON.parse(readFileSync(fromRoot(`fixtures/tokenizer/tokenizer-${model}.json`), "utf8")) as { cases: Case[] }).cases;

describe.each([
  ["sd15-random", SD15],
  ["sd21-random", SD21],
])("against transformers' CLIPTokenizer, %s", (model, folder) => {
  const tokenizer = loadClipTokenizer(folder);
  test.each(casesOf(model).map((golden) => [golden.text.slice(0, 60), golden] as const))("%j", (_, golden) => {
    const { ids, attentionMask, cutOff } = tokenizer.tokenize(golden.text);
    expect(tokenizer.encode(golden.text)).toEqual(golden.ids);
    expect(ids).toEqual(golden.ids_padded);
    expect(ids.slice(0, golden.ids_truncated.length)).toEqual(golden.ids_truncated);
    expect(attentionMask).toEqual(golden.attention_mask);
    expect(cutOff === "").toBe(golden.ids.length === golden.ids_truncated.length);
  });
});

describe("a prompt that is too long", () => {
  const tokenizer = loadClipTokenizer(SD15);
  const filler = "word ".repeat(74);

  test("says what was cut off, as it was written", () => {
    expect(tokenizer.tokenize(`${filler}Blue  SKY, Soft\nlight `).cutOff).toBe("SKY, Soft light");
    expect(tokenizer.tokenize(`${filler}Blue`).cutOff).toBe("");
  });

  test("counts a word as cut off that is not kept whole", () => {
    expect(tokenizer.encode("Xqzjkvw")).toHaveLength(7);
    expect(tokenizer.tokenize(`${filler}Xqzjkvw end`).cutOff).toBe("Xqzjkvw end");
  });

  test("keeps its place where lower case is longer than upper case", () => {
    expect(tokenizer.tokenize(`İİ${filler}${filler}TAIL`).cutOff).toMatch(/^word( word)+ TAIL$/);
    expect(tokenizer.tokenize(`${"İ".repeat(37)} x REST`).cutOff).toBe("REST");
  });

  test("is read in bounded time even if it is one endless word", async () => {
    const [, cpuMs] = await cpuTimed(() => tokenizer.tokenize("qzxjvk".repeat(2000)));
    expect(cpuMs).toBeLessThan(5000);
  });
});

describe("special tokens", () => {
  test("are found in capitals where the config says that they are normalized", () => {
    expect(loadClipTokenizer(SD15).encode("a <|ENDOFTEXT|> b")).toEqual([49406, 320, 49407, 321, 49407]);
  });

  test("may be declared by their ids, and keep the id given there", () => {
    const token = { content: "<sks>", lstrip: false, rstrip: false, single_word: false, normalized: false };
    const tokenizer = loadClipTokenizer(withConfig({ added_tokens_decoder: { 49408: token } }));
    expect(tokenizer.encode("a <sks>dog")).toEqual([49406, 320, 49408, 1929, 49407]);
    expect(tokenizer.encode("a <SKS>")).not.toContain(49408);
  });

  test("that begin another one do not hide it", () => {
    const added_tokens_decoder = { 49408: { content: "<s>" }, 49409: { content: "<s>x" } };
    const tokenizer = loadClipTokenizer(withConfig({ added_tokens_decoder }));
    expect(tokenizer.encode("<s>x<s>")).toEqual([49406, 49409, 49408, 49407]);
  });
});

describe("a tokenizer folder that cannot be used is refused by name", () => {
  test.each([
    [{ do_lower_case: false }, /tokenizer_config\.json: do_lower_case is false/],
    [{ add_prefix_space: true }, /add_prefix_space is true/],
    [{ tokenizer_class: "T5Tokenizer" }, /tokenizer_class is "T5Tokenizer"/],
    [{ pad_token: "<pad>" }, /pad_token "<pad>" is not in vocab\.json/],
    [{ bos_token: 7 }, /bos_token is 7, not a token/],
    [{ eos_token: { content: "<|endoftext|>", lstrip: true } }, /eos_token has lstrip/],
    [{ model_max_length: 1e30 }, /model_max_length is 1e\+30/],
    [{ added_tokens_decoder: { x: { content: "y" } } }, /added_tokens_decoder "x" is not a token id/],
  ])("%j", (changes, message) => {
    const load = () => loadClipTokenizer(withConfig(changes));
    expect(load).toThrow(InvalidModel);
    expect(load).toThrow(message);
  });

  test.each([
    ["vocab.json", "[1", /vocab\.json: is not JSON/],
    ["vocab.json", '{"a": "b"}', /vocab\.json: token "a" has the id "b"/],
    ["merges.txt", "#version: 0.2\na b c\n", /merges\.txt: "a b c" is not a pair/],
    ["merges.txt", "", /merges\.txt: holds no merges$/],
    ["merges.txt", "#version: 0.2\n", /merges\.txt: holds no merges$/],
    [
      "merges.txt",
      "#version: 0.2\ni n\nzzq zzq\n",
      /merges\.txt: "zzq zzq" makes a symbol that is not in vocab\.json$/,
    ],
  ])("%s holding %j", (name, text, message) => {
    expect(() => loadClipTokenizer(folderWith({ [name]: text }))).toThrow(message);
  });

  test("a missing file", () => {
    expect(() => loadClipTokenizer(join(SD15, "nowhere"))).toThrow(
      /tokenizer_config\.json: cannot be opened \(ENOENT\)/,
    );
  });
});
