import { InvalidRequest } from "@armature/core";
import { expect, test } from "vitest";
import { askedTurn } from "./scheduling-headers.js";

const asked = (headers: Record<string, string>) => askedTurn({ get: (name: string) => headers[name] as never }, 1000);

test("a request has the usual turn unless its headers ask for another, within the service's longest wait", () => {
  expect(asked({})).toEqual({ priority: 0, deadlineMs: 1000 });
  expect(asked({ "X-Priority": "-10", "X-Deadline-Ms": "20" })).toEqual({ priority: -10, deadlineMs: 20 });
  expect(asked({ "X-Deadline-Ms": "20000" }).deadlineMs).toBe(1000);
});

test.each([
  ["X-Priority", "soon"],
  ["X-Priority", "11"],
  ["X-Priority", "1.5"],
  ["X-Deadline-Ms", "0"],
  ["X-Deadline-Ms", "-5"],
])("%s: %s is refused by name", (name, value) => {
  const refusal = (() => {
    try {
      return asked({ [name]: value });
    } catch (error) {
      return error;
    }
  })();
  expect(refusal).toBeInstanceOf(InvalidRequest);
  expect((refusal as InvalidRequest).issues[0]!.pointer).toBe(`/${name}`);
});
