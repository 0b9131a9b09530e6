import { execFileSync } from "node:child_process";
import { createReadStream, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tarFiles } from "./tar-entries.js";

const LONG = `${"a-folder-with-a-name/".repeat(12)}file.txt`;
const LONG_NAME = `${"n".repeat(180)}.js`;

function tree(): string {
  const folder = mkdtempSync(join(tmpdir(), "tar-"));
  mkdirSync(join(folder, LONG, ".."), { recursive: true });
  writeFileSync(join(folder, LONG), "twelve bytes");
  writeFileSync(join(folder, LONG_NAME), Buffer.alloc(1500));
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "päth"), "12345");
  symlinkSync("empty", join(folder, "link"));
  return folder;
}

async function listed(format: string): Promise<Record<string, number>> {
  const folder = tree();
  const archive = `${folder}.tar`;
  execFileSync("tar", ["--create", `--format=${format}`, "--file", archive, "--directory", folder, "."]);
  const found: Record<string, number> = {};
  // chunks of an awkward size, so that headers are cut apart
  for await (const { path, bytes } of tarFiles(createReadStream(archive, { highWaterMark: 777 }))) found[path] = bytes;
  return found;
}

test.each(["gnu", "pax"])("files of a %s archive are listed with their sizes, long names and all", async (format) => {
  expect(await listed(format)).toEqual({ [LONG]: 12, [LONG_NAME]: 1500, empty: 0, päth: 5 });
});

test("sizes of 8 GiB and more are read", async () => {
  const header = Buffer.alloc(512);
  header.write("huge");
  header[124] = 0x80;
  header.writeBigUInt64BE(9n << 30n, 128);
  header.write("0", 156);
  async function* stream() {
    yield header;
  }
  await expect(async () => {
    for await (const _ of tarFiles(stream())) expect(_.bytes).toBe(9 * 2 ** 30);
  }).rejects.toThrow(`ends ${9 * 2 ** 30} bytes before`);
});
