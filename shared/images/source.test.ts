import { type AppError, ImageTooLarge, InvalidRequest } from "@armature/core";
import { SourceForbidden, SourceUnreachable } from "@armature/net";
import { expect, test, vi } from "vitest";
import { cpuTimed } from "../../testing/cpu-time.js";
import { imageBytes } from "./source.js";

const BYTES = Buffer.from([0, 16, 131, 251, 255, 62, 63]);
const OPTIONS = { pointer: "/controlnets/0/image", maxBytes: 1000 };

test.each([
  ["base64", BYTES.toString("base64")],
  ["a data: URL", `data:image/png;base64,${BYTES.toString("base64")}`],
  ["a data: URL without a type", `data:;base64,${BYTES.toString("base64")}`],
  ["base64 with line breaks", "ABCD+/8+\r\nP w==\n\t"],
  ["base64 without padding", "ABCD+/8+Pw"],
  ["URL-safe base64", "ABCD-_8-Pw"],
  ["URL-safe base64 with padding", "ABCD-_8-Pw=="],
  ["a data: URL of all these", "data:;base64,ABCD-_8-\nPw"],
  ["a data: URL with a charset", `data:image/png;charset=utf-8;base64,${BYTES.toString("base64")}`],
  ["a data: URL with spaces", `data:image/png; charset=utf-8; base64,${BYTES.toString("base64")}`],
  ["a data: URL with a comma in quotes", `data:image/png;name="a,b;base64,c.png";base64,${BYTES.toString("base64")}`],
  ["a data: URL with long parameters", `data:image/png;name=${"x".repeat(300)};base64,${BYTES.toString("base64")}`],
  ["a data: URL with escapes", "data:image/png;base64,ABCD%2B%2f8%2B%0D%0APw%3D%3D"],
  ["a data: URL with an escaped line break and padding left out", "data:;base64,ABCD-_8-%0APw"],
  ["a data: URL behind spaces and line breaks", ` \r\n\tdata:image/png;base64,${BYTES.toString("base64")}\n`],
  ["a data: URL in capitals with a parameter", `DATA:image/png;name=a.png;BASE64,${BYTES.toString("base64")}`],
])("%s gives the bytes", async (_name, source) => {
  expect(await imageBytes(source, OPTIONS)).toEqual(BYTES);
});

test.each([
  ["nothing", "", "found an empty text"],
  ["spaces alone", " \n ", "found an empty text"],
  ["a line break that is escaped", "AAAA\\nAAAA", 'found "\\\\" at character 4'],
  ["a single letter more", "AAAAA", "cut off"],
  ["a padding that does not fit", "AAA==", "cut off"],
  ["padding alone", "====", 'found "=" at character 0'],
  ["letters of other alphabets", "AAAÄ", 'found "Ä" at character 3'],
  ["padding inside", "AA==AAAA", 'found "=" at character 2'],
  ["three paddings", "A===", 'found "=" at character 1'],
  ["a path with a dot", "/etc/passwd.png", 'found "." at character 11'],
  ["a relative path", "../secret.png", 'found "." at character 0'],
  ["a data: URL that is not base64", "data:image/svg+xml,<svg/>", "of the form data:image/png;base64,…"],
  ["a data: URL without a comma", "data:image/png;base64", "of the form data:image/png;base64,…"],
  ["a data: URL with half an escape", "data:image/png;base64,AAA%3", 'found "%" at character 3'],
  ["a data: URL with an escape that is no base64", "data:image/png;base64,AA%25A", 'found "%" at character 2'],
  ["base64 with escapes outside a data: URL", "AA%3D%3D", 'found "%" at character 2'],
  ["a data: URL with nothing in it", "data:image/png;base64,", "found an empty text"],
])("%s is refused, and the field named", async (_name, source, detail) => {
  const error = await imageBytes(source, OPTIONS).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(InvalidRequest);
  expect((error as InvalidRequest).issues).toEqual([
    { pointer: "/controlnets/0/image", detail: expect.stringContaining(detail) },
  ]);
});

test("the limit on bytes is exact, and kept before anything is decoded", async () => {
  expect(await imageBytes(Buffer.alloc(1000).toString("base64"), OPTIONS)).toHaveLength(1000);
  const decode = vi.spyOn(Buffer, "from");
  for (const source of ["A".repeat(1336), `data:image/png;base64,${"A".repeat(1336)}`]) {
    const error = await imageBytes(source, OPTIONS).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ImageTooLarge);
    expect(error).toMatchObject({
      pointer: "/controlnets/0/image",
      message: "The picture has about 1002 bytes; at most 1000 are accepted",
    });
  }
  expect(decode).not.toHaveBeenCalled();
  decode.mockRestore();
});

test.each(["http://example.com/cat.png", "https://example.com/cat.png", "file:///etc/passwd", "gopher://x"])(
  "%s goes to the fetcher, which decides, or is refused where there is none",
  async (url) => {
    const fetchUrl = vi.fn(async () => BYTES);
    expect(await imageBytes(url, { ...OPTIONS, fetchUrl })).toEqual(BYTES);
    expect(fetchUrl).toHaveBeenCalledExactlyOnceWith(url);
    await expect(imageBytes(url, OPTIONS)).rejects.toThrow(SourceForbidden);
  },
);

test("an address behind spaces is refused, not fetched: jobs know addresses by their first letters", async () => {
  const fetchUrl = vi.fn(async () => BYTES);
  await expect(imageBytes(" https://example.com/cat.png", { ...OPTIONS, fetchUrl })).rejects.toThrow(InvalidRequest);
  expect(fetchUrl).not.toHaveBeenCalled();
});

test("an error of the fetcher keeps its class and gets the field", async () => {
  const fetchUrl = async () => {
    throw new SourceUnreachable("example.com answered with status 404, not 200");
  };
  const error = await imageBytes("http://example.com/", { ...OPTIONS, fetchUrl }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SourceUnreachable);
  expect((error as AppError).pointer).toBe("/controlnets/0/image");
});

test("megabytes of base64 are checked in no time", async () => {
  const source = `${"A".repeat(40_000_000)}!AAA`;
  const check = () =>
    expect(imageBytes(source, { ...OPTIONS, maxBytes: 1e9 })).rejects.toThrow("at character 40000000");
  const [, cpuMs] = await cpuTimed(check);
  expect(cpuMs).toBeLessThan(1000);
});

test("megabytes of escapes are decoded in no time", async () => {
  const source = `data:;base64,${"%41".repeat(12_000_000)}`;
  const [bytes, cpuMs] = await cpuTimed(() => imageBytes(source, { ...OPTIONS, maxBytes: 1e9 }));
  expect(bytes).toHaveLength(9_000_000);
  expect(cpuMs).toBeLessThan(2000);
});
