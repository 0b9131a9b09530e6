import { readConfig } from "@armature/config";
import { InvalidConfig } from "@armature/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { accessOptions, accessSettings } from "./access-settings.js";

const Config = z.object({ HOST: z.string().default("127.0.0.1"), ...accessSettings });
const options = (env: Record<string, string>) => accessOptions(readConfig(Config, env));

test("by default nobody is let in from elsewhere, and nobody is believed", () => {
  expect(options({})).toEqual({
    access: { loopbackOnly: true, hosts: [], corsOrigins: [] },
    separateAdmin: false,
  });
});

test("what is given is taken as it is meant", () => {
  const env = {
    HOST: "::",
    HOSTS: "Armature.example, diffusion",
    CORS_ORIGINS: "https://app.example,http://localhost:3000",
    ADMIN_PORT: "0",
  };
  expect(options(env)).toEqual({
    access: {
      loopbackOnly: false,
      hosts: ["armature.example", "diffusion"],
      corsOrigins: ["https://app.example", "http://localhost:3000"],
    },
    separateAdmin: true,
  });
  const trusted = (TRUST_PROXY: string) => options({ TRUST_PROXY }).access.trustProxy;
  expect(trusted("2")).toBe(2);
  expect(trusted("10.0.0.0/8, fd00::/8,loopback,192.0.2.1")).toEqual([
    "10.0.0.0/8",
    "fd00::/8",
    "loopback",
    "192.0.2.1",
  ]);
});

test.each([
  [{ TRUST_PROXY: "true" }, /^TRUST_PROXY: wants how many proxies/],
  [{ TRUST_PROXY: "10.0.0.0/33" }, /^TRUST_PROXY: /],
  [{ TRUST_PROXY: "10.0.0.0/" }, /^TRUST_PROXY: /],
  [{ HOSTS: "https://armature.example" }, /^HOSTS, item 1: wants names without scheme and port/],
  [{ CORS_ORIGINS: "https://app.example/" }, /^CORS_ORIGINS, item 1: wants origins such as https:/],
  [{ CORS_ORIGINS: "app.example" }, /^CORS_ORIGINS, item 1: /],
])("%j ends the start with one line", (env: Record<string, string>, message) => {
  expect(() => options(env)).toThrow(InvalidConfig);
  expect(() => options(env)).toThrow(message);
});
