import { describe, expect, test } from "@jest/globals";
import { ledgerPlace } from "../../src/config/ledger-place.ts";
import { ConfigError } from "../../src/errors.ts";

const HOME = "/home/bell";

describe("the ledger's place", () => {
  test.each<{ name: string; env: Record<string, string>; directory: string }>([
    { name: "by default", env: {}, directory: "/home/bell/.local/state/closing-bell" },
    { name: "by XDG", env: { XDG_STATE_HOME: "/state" }, directory: "/state/closing-bell" },
    {
      name: "not by a relative XDG path",
      env: { XDG_STATE_HOME: "state" },
      directory: "/home/bell/.local/state/closing-bell",
    },
    {
      name: "by CLOSING_BELL_STATE_DIR",
      env: { CLOSING_BELL_STATE_DIR: "/a", XDG_STATE_HOME: "/state" },
      directory: "/a",
    },
    {
      name: "by CLOSING_BELL_LEDGER first",
      env: { CLOSING_BELL_LEDGER: "file:/b", CLOSING_BELL_STATE_DIR: "/a" },
      directory: "/b",
    },
  ])("$name", ({ env, directory }) => {
    expect(ledgerPlace(env, HOME)).toEqual({ type: "files", directory });
  });

  test("is below the HOME of the environment when none is given", () => {
    expect(ledgerPlace({ HOME })).toEqual(ledgerPlace({}, HOME));
  });

  test("is a file's only where the environment has none", () => {
    const fromFile = { type: "files", directory: "/file" } as const;

    expect(ledgerPlace({ XDG_STATE_HOME: "/state" }, HOME, fromFile)).toEqual(fromFile);
    expect(ledgerPlace({ CLOSING_BELL_STATE_DIR: "/a" }, HOME, fromFile)).toEqual({
      type: "files",
      directory: "/a",
    });
    expect(ledgerPlace({ CLOSING_BELL_LEDGER: "none" }, HOME, fromFile)).toEqual({ type: "none" });
  });

  test("can be nowhere", () => {
    expect(ledgerPlace({ CLOSING_BELL_LEDGER: "none" }, HOME)).toEqual({ type: "none" });
  });

  test.each<{ name: string; env: Record<string, string>; message: string }>([
    {
      name: "another kind",
      env: { CLOSING_BELL_LEDGER: "redis:x" },
      message: "expected file:DIR or none",
    },
    {
      name: "one that is yet to come",
      env: { CLOSING_BELL_LEDGER: "dynamodb:totals" },
      message: 'CLOSING_BELL_LEDGER is "dynamodb:totals"; expected file:DIR or none',
    },
    {
      name: "a relative directory",
      env: { CLOSING_BELL_LEDGER: "file:x" },
      message: "must be absolute",
    },
    {
      name: "a relative state directory",
      env: { CLOSING_BELL_STATE_DIR: "x" },
      message: "CLOSING_BELL_STATE_DIR: the directory must be absolute",
    },
  ])("$name is refused", ({ env, message }) => {
    expect(() => ledgerPlace(env, HOME)).toThrow(ConfigError);
    expect(() => ledgerPlace(env, HOME)).toThrow(message);
  });
});
