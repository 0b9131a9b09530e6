import { expect, test } from "vitest";
import { startService } from "../../testing/http-service.js";
import { clientOf, holderOf } from "./client.js";

test.each([
  ["10.1.2.3", "10.1.2.3"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::9", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["64:ff9b::1.2.3.4", "64:ff9b:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
])("%s counts as %s", (address, holder) => {
  expect(holderOf(address)).toBe(holder);
});

async function clientAs(trustProxy: number | string[] | undefined, forwarded: string) {
  const { url } = await startService((router) => router.get("/me", (req, res) => void res.json(clientOf(req))), {
    app: { access: trustProxy === undefined ? {} : { trustProxy } },
  });
  return (await fetch(`${url}/me`, { headers: { "X-Forwarded-For": forwarded } })).json();
}

test("a client is whom the connection shows, unless a trusted proxy says more", async () => {
  expect(await clientAs(undefined, "192.0.2.1")).toBe("127.0.0.1");
  expect(await clientAs(["10.0.0.0/8"], "192.0.2.1")).toBe("127.0.0.1");
  expect(await clientAs(1, "203.0.113.9, 192.0.2.1")).toBe("192.0.2.1");
  expect(await clientAs(2, "203.0.113.9, 192.0.2.1")).toBe("203.0.113.9");
  expect(await clientAs(["loopback", "192.0.2.0/24"], "203.0.113.9, 192.0.2.1")).toBe("203.0.113.9");
  expect(await clientAs(1, "not an address")).toBe("127.0.0.1");
});

test("a port that a proxy adds to an address, also to another proxy's, makes no difference", async () => {
  expect(await clientAs(1, "192.0.2.1:1234")).toBe("192.0.2.1");
  expect(await clientAs(1, "[2001:db8:1:2::9]:80")).toBe("2001:db8:1:2::/64");
  expect(await clientAs(1, "[2001:db8:1:2::9]")).toBe("2001:db8:1:2::/64");
  expect(await clientAs(["loopback", "192.0.2.0/24"], "203.0.113.9:5, 192.0.2.1:1234")).toBe("203.0.113.9");
  expect(await clientAs(1, "[not an address]:80")).toBe("127.0.0.1");
});
