import { afterEach, expect, test } from "vitest";
import { startDisturber } from "./disturber.js";

let stop: () => void = () => {};
afterEach(() => stop());

test("an act is done once, before its answer; what fails, or is not there, is told", async () => {
  const done: string[] = [];
  const disturber = await startDisturber({
    hang: () => void done.push("hang"),
    fail: () => Promise.reject(new Error("there is no engine")),
  });
  stop = disturber.stop;
  const post = async (act: string) => {
    const answer = await fetch(`${disturber.url}/${act}`, { method: "POST" });
    return [answer.status, await answer.text(), [...done]];
  };
  expect(await post("hang")).toEqual([204, "", ["hang"]]);
  expect(await post("hang")).toEqual([404, "No act hang; left are fail", ["hang"]]);
  expect(await post("fail")).toEqual([500, "there is no engine", ["hang"]]);
});
