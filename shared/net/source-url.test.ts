import { expect, test } from "vitest";
import { SourceForbidden } from "./errors.js";
import { sourceUrl } from "./source-url.js";

const RULES = { ports: [80, 443], privateHosts: ["minio:9000", "intranet", "[fd00::5]:8080"] };

test.each([
  ["http://example.com/cat.png?size=1", "example.com", 80],
  ["HTTPS://Example.COM/cat.png", "example.com", 443],
  ["https://example.com:80/", "example.com", 80],
  ["http://example.com./cat.png", "example.com", 80],
  ["http://bücher.example/", "xn--bcher-kva.example", 80],
  ["http://[2606:2800::1]/", "2606:2800::1", 80],
])("%s is host %s on port %i", (text, hostname, port) => {
  expect(sourceUrl(text, RULES)).toMatchObject({ hostname, port, mayBePrivate: false });
});

test.each([
  ["http://0x7f000001/", "127.0.0.1"],
  ["http://2130706433/", "127.0.0.1"],
  ["http://0177.0.0.1/", "127.0.0.1"],
  ["http://127.1/", "127.0.0.1"],
  ["http://0/", "0.0.0.0"],
  ["http://127.0.0.1./", "127.0.0.1"],
  ["http://169.254.169%2e254/", "169.254.169.254"],
  ["http://%6cocalhost/", "localhost"],
  ["http://①②⑦.⓪.⓪.①/", "127.0.0.1"],
  ["http://[::ffff:127.0.0.1]/", "::ffff:7f00:1"],
])("%s is read as %s", (text, hostname) => {
  expect(sourceUrl(text, RULES).hostname).toBe(hostname);
});

test.each([
  ["file:///etc/passwd", "not file:"],
  ["gopher://example.com/", "not gopher:"],
  ["ftp://example.com/cat.png", "not ftp:"],
  ["data:image/png;base64,AAAA", "not data:"],
  ["javascript:alert(1)", "not javascript:"],
  ["http://user:pass@example.com/", "user name or password"],
  ["http://user@example.com/", "user name or password"],
  ["http://example.com:22/", "Port 22 is not permitted for a picture's URL; 80, 443 are"],
  ["http://example.com:9000/", "Port 9000"],
  ["http://minio:9001/", "Port 9001"],
  ["http://[fe80::1%25eth0]/", "not a valid URL"],
  ["http://exa\nmple.com/", "not a valid URL"],
  ["http://example.com\\@127.0.0.1/", "not a valid URL"],
  ["http://exam ple.com/", "not a valid URL"],
  ["http://", "not a valid URL"],
  ["cat.png", "not a valid URL"],
  [`http://example.com/${"a".repeat(9000)}`, "at most 8192 characters"],
])("%s is refused", (text, message) => {
  const read = () => sourceUrl(text, RULES);
  expect(read).toThrow(SourceForbidden);
  expect(read).toThrow(message);
});

test("a host of the operator's own may be private, on its port alone where one is given", () => {
  expect(sourceUrl("http://minio:9000/cat.png", RULES).mayBePrivate).toBe(true);
  expect(sourceUrl("http://minio/cat.png", RULES).mayBePrivate).toBe(false);
  expect(sourceUrl("https://intranet/cat.png", RULES).mayBePrivate).toBe(true);
  expect(sourceUrl("https://sub.intranet/cat.png", RULES).mayBePrivate).toBe(false);
  expect(sourceUrl("http://[fd00::5]:8080/", RULES)).toMatchObject({ hostname: "fd00::5", mayBePrivate: true });
});

test("without a list of ports each is permitted", () => {
  expect(sourceUrl("http://example.com:9000/", { ...RULES, ports: undefined }).port).toBe(9000);
});

test("no message repeats a path or a query", () => {
  for (const text of ["ftp://example.com/secret?key=secret", "http://a:b@example.com/secret", "http://h:99/secret"]) {
    expect(() => sourceUrl(text, RULES)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("secret") }),
    );
  }
});
