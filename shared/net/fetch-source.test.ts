import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createTcpServer } from "node:net";
import tls from "node:tls";
import { afterEach, expect, test, vi } from "vitest";
import { listen, policy, refused, serve } from "../../testing/loopback.js";
import { SourceForbidden, SourceUnreachable } from "./errors.js";
import { DEFAULT_SOURCE_POLICY, fetchSource } from "./fetch-source.js";

const PUBLIC = "93.184.216.34";
const PICTURE = Buffer.from("the bytes of a picture");

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

// biome-ignore format: a table
const LOOPBACK_OR_INTERNAL = [
  "127.0.0.1", "[::1]", "0.0.0.0", "0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.",
  "169.254.169.254", "169.254.169%2e254", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
  "[2001:0:7f00:1::1]", "[2a00:1450::5efe:7f00:1]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1",
  "[fc00::1]", "[fe80::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255",
];

test.each(LOOPBACK_OR_INTERNAL)("http://%s is refused before anything is connected", async (host) => {
  const { error, connections } = await refused(`http://${host}/`);
  expect(error).toBeInstanceOf(SourceForbidden);
  expect(error.message).toContain("is not a host on the public internet");
  expect(connections).toEqual([]);
});

test.each(["localhost", "%6cocalhost", "LOCALHOST", "localhost."])(
  "http://%s is refused by the system's own answer",
  async (host) => {
    const { error, connections } = await refused(`http://${host}/`);
    expect(error).toBeInstanceOf(SourceForbidden);
    expect(connections).toEqual([]);
  },
);

test.each([
  ["private alone", ["10.0.0.1"]],
  ["mixed, private last", [PUBLIC, "10.0.0.1"]],
  ["mixed, private first", ["169.254.169.254", PUBLIC]],
  ["mixed families", [PUBLIC, "::1"]],
])("a public name whose answers are %s is refused", async (_name, addresses) => {
  const { error, connections } = await refused("http://cat.example/", { resolve: async () => addresses });
  expect(error).toBeInstanceOf(SourceForbidden);
  expect(connections).toEqual([]);
});

test("a name is resolved once: what it would answer the second time is never asked", async () => {
  const answers = [[PUBLIC], ["127.0.0.1"]];
  const resolve = vi.fn(async () => answers.shift() ?? []);
  const looked: string[] = [];
  const { error } = await refused("http://rebinding.example/", {
    resolve,
    open: (to) => {
      to.lookup?.(to.host ?? "", { all: true }, (_error, found) => looked.push(JSON.stringify(found)));
      return connect({ ...to, host: "127.0.0.1", port: 1, lookup: undefined }); // nobody listens there
    },
  });
  expect(error).toBeInstanceOf(SourceUnreachable);
  expect(resolve).toHaveBeenCalledTimes(1);
  expect(looked).toEqual([JSON.stringify([{ address: PUBLIC, family: 4 }])]);
});

test.each(["http", "https"])("a peer with another address than was resolved gets no byte over %s", async (scheme) => {
  const received: Buffer[] = [];
  let connectionClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    connectionClosed = resolve;
  });
  const server = createTcpServer((socket) => {
    socket
      .on("data", (chunk) => received.push(chunk))
      .on("error", () => undefined)
      .on("close", () => connectionClosed());
  });
  const port = Number((await listen(server)).split(":")[1]);
  const { error } = await refused(`${scheme}://rebound.example/`, {
    resolve: async () => [PUBLIC],
    open: ({ signal }) => connect({ host: "127.0.0.1", port, signal }),
  });
  await closed; // so a connection was made
  expect(error).toBeInstanceOf(SourceForbidden);
  expect(received).toEqual([]);
});

test("a permitted host's bytes are fetched, with its name in the Host header", async () => {
  const headers: unknown[] = [];
  const { host, requests } = await serve((req, res) => {
    headers.push([req.method, req.headers.host, req.headers["accept-encoding"], req.headers.cookie]);
    res.end(PICTURE);
  });
  const [, port] = host.split(":");
  const options = { policy: policy({ privateHosts: [`cats.example:${port}`] }), resolve: async () => ["127.0.0.1"] };
  expect(await fetchSource(`http://cats.example:${port}/a/cat.png?size=1#x`, options)).toEqual(PICTURE);
  expect(requests).toEqual(["/a/cat.png?size=1"]);
  expect(headers).toEqual([["GET", `cats.example:${port}`, "identity", undefined]]);
});

test("of several addresses one that answers is used", async () => {
  const { host } = await serve((_req, res) => res.end(PICTURE));
  const port = Number(host.split(":")[1]);
  const options = {
    policy: policy({ privateHosts: [`cats.example:${port}`] }),
    resolve: async () => ["127.0.0.9", "127.0.0.1"],
  };
  expect(await fetchSource(`http://cats.example:${port}/`, options)).toEqual(PICTURE);
});

test("redirects are followed, up to three", async () => {
  const { host, requests } = await serve((req, res) => {
    const left = Number(req.url?.slice(1));
    if (left === 0) res.end(PICTURE);
    else
      res
        .writeHead([301, 302, 303, 307, 308][left]!, { location: left === 1 ? "0" : `http://${host}/${left - 1}` })
        .end();
  });
  const permitted = policy({ privateHosts: [host] });
  expect(await fetchSource(`http://${host}/3`, { policy: permitted })).toEqual(PICTURE);
  expect(requests).toEqual(["/3", "/2", "/1", "/0"]);
  const { error } = await refused(`http://${host}/4`, { policy: permitted });
  expect(error).toBeInstanceOf(SourceForbidden);
  expect(error.message).toContain("more than 3 redirects");
});

test("a redirect to a private address is refused, though the first host was permitted", async () => {
  const inner = await serve((_req, res) => res.end("secret"));
  for (const location of [
    `http://${inner.host}/`,
    `//${inner.host}/`,
    `http://0x7f.1:${inner.host.split(":")[1]}/`,
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    `http://user:pass@${inner.host}/`,
    "http://",
  ]) {
    const outer = await serve((_req, res) => res.writeHead(302, { location }).end());
    const { error } = await refused(`http://${outer.host}/`, { policy: policy({ privateHosts: [outer.host] }) });
    expect(error, location).toBeInstanceOf(SourceForbidden);
    expect(outer.requests).toHaveLength(1);
  }
  expect(inner.requests).toEqual([]);
});

test("a name that a redirect leads to is resolved and checked too", async () => {
  const outer = await serve((_req, res) => res.writeHead(302, { location: "http://inside.example/" }).end());
  const resolve = async (hostname: string) => (hostname === "inside.example" ? ["10.0.0.7"] : ["127.0.0.1"]);
  const { error } = await refused(`http://${outer.host}/`, { policy: policy({ privateHosts: [outer.host] }), resolve });
  expect(error.message).toContain("inside.example is not a host on the public internet");
});

test.each([
  ["unusual", "http://example.com:6379/", "Port 6379"],
  ["of mail", "https://example.com:25/", "Port 25"],
])("a port %s is refused by the default policy", async (_name, url, message) => {
  const { error, connections } = await refused(url, { policy: DEFAULT_SOURCE_POLICY, resolve: async () => [PUBLIC] });
  expect(error).toBeInstanceOf(SourceForbidden);
  expect(error.message).toContain(message);
  expect(connections).toEqual([]);
});

test("a proxy in the environment is not used", async () => {
  const { host } = await serve((_req, res) => res.end(PICTURE));
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]) vi.stubEnv(name, "http://127.0.0.1:1");
  expect(await fetchSource(`http://${host}/`, { policy: policy({ privateHosts: [host] }) })).toEqual(PICTURE);
});

test("https works on the checked connection, and a certificate that nobody signed is refused", async () => {
  const names: unknown[] = [];
  const server = createTlsServer({ key: KEY, cert: CERTIFICATE }, (req, res) => {
    names.push((req.socket as tls.TLSSocket & { servername?: string }).servername);
    res.end(PICTURE);
  });
  const port = (await listen(server)).split(":")[1];
  const options = { policy: policy({ privateHosts: [`cats.example:${port}`] }), resolve: async () => ["127.0.0.1"] };
  const { error } = await refused(`https://cats.example:${port}/`, options);
  expect(error).toBeInstanceOf(SourceUnreachable);
  expect(names).toEqual([]);

  const connectTls = tls.connect;
  vi.spyOn(tls, "connect").mockImplementation(((to: tls.ConnectionOptions) =>
    connectTls({ ...to, ca: CERTIFICATE })) as typeof tls.connect);
  expect(await fetchSource(`https://cats.example.:${port}/`, options)).toEqual(PICTURE);
  expect(names).toEqual(["cats.example"]);
});

/** Self-signed for cats.example until 2125; made for this test and used nowhere else. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTcZ/MraqLljX+L1l
ogrDI3DhuskP1DU3XI06pjTpxPmhRANCAAQ2HlGAq1E6AtYrglbFgAAHo5vILZ49
LDnjt7ek+HyuVSJ7UjemtWGVjOXg+ZQH7Ur+000uay7O6k7YOAjbxapo
-----END PRIVATE KEY-----
`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnTCCAUSgAwIBAgIUR/83vv2lJKTORqU811P4SoAhp9kwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMY2F0cy5leGFtcGxlMCAXDTI2MTEyNDE1MzAwNVoYDzIxMjYx
MDMxMTUzMDA1WjAXMRUwEwYDVQQDDAxjYXRzLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQ2HlGAq1E6AtYrglbFgAAHo5vILZ49LDnjt7ek+HyuVSJ7
UjemtWGVjOXg+ZQH7Ur+000uay7O6k7YOAjbxapoo2wwajAdBgNVHQ4EFgQUbZuK
LEWC4Yn2JagTrfWkucM9MR8wHwYDVR0jBBgwFoAUbZuKLEWC4Yn2JagTrfWkucM9
MR8wDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxjYXRzLmV4YW1wbGUwCgYI
KoZIzj0EAwIDRwAwRAIgFJO/ScGii0d09WApI782LegUQUjdlf4OFJKXOr8piooC
IGQaSp2r5/ND37o68Dnfn0Vr0LqFJK0MOEdg6EhoTHv6
-----END CERTIFICATE-----
`;
