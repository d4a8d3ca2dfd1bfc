import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../src/errors.ts";
import { type HttpTargetOptions, httpTarget } from "../../src/sources/http-target.ts";

describe("httpTarget", () => {
  test("shows neither query nor user-info nor fragment", () => {
    const url = "https://bell:secret@api.example:8443/v1/state?key=0123456789&n=1#top";
    expect(httpTarget({ url }, "f")).toEqual({
      url: "https://api.example:8443/v1/state?key=0123456789&n=1",
      shown: "https://api.example:8443/v1/state",
      headers: { Authorization: `Basic ${Buffer.from("bell:secret").toString("base64")}` },
      secrets: [Buffer.from("bell:secret").toString("base64"), "secret", "0123456789"],
      ca: undefined,
    });
  });

  test("does not change the URL it was given", () => {
    const url = new URL("https://bell:secret@api.example/");
    httpTarget({ url }, "f");
    expect(url.password).toBe("secret");
  });

  test("shows no token that is in the path as well", () => {
    const url = "https://api.example/t0k3n-123/state";
    expect(httpTarget({ url, token: "t0k3n-123" }, "f").shown).toBe(
      "https://api.example/***/state",
    );
  });

  test.each<{ name: string; given: HttpTargetOptions; message: string }>([
    {
      name: "no URL",
      given: { url: "secret@host" },
      message: "f: url is not a URL; expected e.g. https://host/path",
    },
    {
      name: "another scheme",
      given: { url: "ftp://a:secret@host/" },
      message: "f: url has another scheme; expected http or https",
    },
    {
      name: "user-info beside a token",
      given: { url: "https://a:secret@host/", token: "t" },
      message: "f: a token and user-info in the URL; give one of them",
    },
    {
      name: "user-info with a lone %",
      given: { url: "https://a:secret%@host/" },
      message: "f: url has a % in its user-info that must be written %25",
    },
    {
      name: "an empty token",
      given: { url: "https://host", token: "" },
      message: "f: token is empty",
    },
    {
      name: "a token with the line end of its file",
      given: { url: "https://host", token: "secret\n" },
      message: "f: token has a space, a line end or another character that no header carries",
    },
  ])("refuses $name, and shows nothing of it", ({ given, message }) => {
    const make = () => httpTarget(given, "f");
    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(new InvalidOptionError(message));
  });
});
