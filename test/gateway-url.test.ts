import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidOptionError } from "../src/errors.ts";
import { parseGatewayUrl } from "../src/gateway-url.ts";

describe("a gateway URL", () => {
  test.each<{ url: string; base: string }>([
    { url: "http://127.0.0.1:9091", base: "http://127.0.0.1:9091" },
    { url: "http://127.0.0.1:9091/", base: "http://127.0.0.1:9091" },
    { url: "https://gateway.example/prom/", base: "https://gateway.example/prom" },
    { url: "https://gateway.example/a/b//", base: "https://gateway.example/a/b" },
    { url: "HTTP://Gateway.Example:80", base: "http://gateway.example" },
    { url: "http://[::1]:9091", base: "http://[::1]:9091" },
    { url: "http://10.0.0.1?", base: "http://10.0.0.1" },
  ])("$url is reached at $base", ({ url, base }) => {
    expect(parseGatewayUrl(url)).toEqual({ base });
    expect(parseGatewayUrl(new URL(url))).toEqual({ base });
  });

  test.each<{ name: string; url: string; username: string; password: string }>([
    { name: "user and password", url: "http://u:p@h", username: "u", password: "p" },
    { name: "escapes", url: "http://a%40b:p%3A%2F%25@h", username: "a@b", password: "p:/%" },
    { name: "a password alone", url: "http://:p@h", username: "", password: "p" },
    { name: "a user alone", url: "http://u@h", username: "u", password: "" },
    { name: "an umlaut", url: "http://ü:ß@h", username: "ü", password: "ß" },
  ])("user-info becomes basic auth and leaves the URL: $name", ({ url, username, password }) => {
    expect(parseGatewayUrl(url)).toEqual({
      base: "http://h",
      credentials: { type: "basic", username, password },
    });
  });

  test("any user-info comes back as it was before it was escaped", () => {
    fc.assert(
      fc.property(text(), text(), (username, password) => {
        fc.pre(username !== "" || password !== "");
        const userInfo = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
        expect(parseGatewayUrl(`http://${userInfo}@gateway:9091/`)).toEqual({
          base: "http://gateway:9091",
          credentials: { type: "basic", username, password },
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a gateway URL is refused", () => {
  test.each<{ name: string; url: string; reason: RegExp }>([
    { name: "nothing", url: "", reason: /is not a URL/ },
    { name: "a host alone", url: "gateway.example", reason: /is not a URL/ },
    { name: "host and port without a scheme", url: "localhost:9091", reason: /another scheme/ },
    { name: "another scheme", url: "ftp://h", reason: /another scheme/ },
    { name: "a file", url: "file:///etc/passwd", reason: /another scheme/ },
    { name: "a query", url: "http://h/?a=1", reason: /query or fragment/ },
    { name: "a fragment", url: "http://h/#a", reason: /query or fragment/ },
    { name: "a password with a bare %", url: "http://u:50%off@h", reason: /must be written %25/ },
    { name: "a user that is not UTF-8", url: "http://%ff:p@h", reason: /must be written %25/ },
    { name: "a port beyond the last", url: "http://h:65536", reason: /is not a URL/ },
  ])("$name", ({ url, reason }) => {
    expect(() => parseGatewayUrl(url)).toThrow(InvalidOptionError);
    expect(() => parseGatewayUrl(url)).toThrow(reason);
  });

  test.each([
    "http://169.254.169.254",
    "http://169.254.169.254./latest",
    "http://0xA9FEA9FE/",
    "http://2852039166/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:169.254.170.2]/",
    "http://169.254.170.2/v2/credentials",
    "http://[fd00:ec2::254]/",
    "http://[fd00:0ec2:0:0:0:0:0:254]/",
    "http://Metadata.Google.Internal/",
    "http://metadata.google.internal./",
  ])("a cloud's metadata service, however it is spelled: %s", (url) => {
    expect(() => parseGatewayUrl(url)).toThrow(/a cloud's metadata service/);
  });

  test.each([
    "http://user:hunter2@[bad",
    "ftp://user:hunter2@host",
    "hunter2:@host:9091",
    "http://user:hunter2@host/?x",
    "http://user:hunter2@169.254.169.254",
    "http://user:%hunter2@host",
    "hunter2",
  ])("without repeating what may be a password: %s", (url) => {
    const error = thrownBy(() => parseGatewayUrl(url));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).not.toHaveProperty("cause");
    expect(String((error as Error).stack)).not.toContain("hunter2");
  });
});

function text(): fc.Arbitrary<string> {
  return fc.string({ unit: "binary", maxLength: 12 });
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
