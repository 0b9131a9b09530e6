/** What every `Blobs` must do. */
import { BudgetFull } from "@armature/core";
import { describe, expect, test } from "vitest";
import { type Blobs, blobName } from "../blobs.js";

export function blobsContract(name: string, open: (options: { maxBytes: number }) => Blobs | Promise<Blobs>): void {
  const opened = () => open({ maxBytes: 10 });
  const bytes = (text: string) => Buffer.from(text);

  describe(name, () => {
    test("a blob is named by its digest and gives its bytes", async () => {
      const blobs = await opened();
      const blob = await blobs.put(bytes("abc"), "a");
      expect(blob).toBe("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
      expect(blobName(bytes("abc"))).toBe(blob);
      expect((await blobs.get(blob)).toString()).toBe("abc");
    });

    test("equal blobs are one, which stays until its last owner is dropped", async () => {
      const blobs = await opened();
      const blob = await blobs.put(bytes("12345678"), "a");
      await blobs.put(bytes("12345678"), "b");
      await blobs.drop("a");
      expect((await blobs.get(blob)).length).toBe(8);
      await blobs.drop("b");
      await blobs.drop("b");
      await expect(blobs.get(blob)).rejects.toThrow(`no blob ${blob}`);
    });

    test("what does not fit is refused, and fits once others have gone", async () => {
      const blobs = await opened();
      await blobs.put(bytes("12345678"), "a");
      await expect(blobs.put(bytes("abc"), "b")).rejects.toBeInstanceOf(BudgetFull);
      await blobs.put(bytes("ab"), "b");
      await blobs.drop("a");
      await blobs.put(bytes("abc"), "b");
      await blobs.drop("b");
      expect((await blobs.get(await blobs.put(bytes("abcdefghij"), "c"))).length).toBe(10);
    });

    test("what a job has made is kept in any case, and keeps others out", async () => {
      const blobs = await opened();
      await blobs.put(bytes("12345678"), "a");
      expect(await blobs.get(await blobs.putMade(bytes("abc"), "a"))).toEqual(bytes("abc"));
      await expect(blobs.put(bytes("x"), "b")).rejects.toBeInstanceOf(BudgetFull);
      await blobs.drop("a");
      await blobs.put(bytes("x"), "b");
    });
  });
}
