import { describe, expect, test } from "@jest/globals";
import {
  defaultLedgerPlace,
  environmentLedgerPlace,
  homeOf,
  ledgerPlaceText,
  parseLedgerPlace,
} from "../../src/config/ledger-place.ts";
import { ConfigError } from "../../src/errors.ts";

const HOME = "/home/bell";

describe("the environment's ledger is", () => {
  test.each<{ name: string; env: Record<string, string>; place: unknown; variable: string }>([
    {
      name: "in CLOSING_BELL_STATE_DIR",
      env: { CLOSING_BELL_STATE_DIR: "/a", XDG_STATE_HOME: "/state" },
      place: { type: "files", directory: "/a" },
      variable: "CLOSING_BELL_STATE_DIR",
    },
    {
      name: "CLOSING_BELL_LEDGER first",
      env: { CLOSING_BELL_LEDGER: "file:/b", CLOSING_BELL_STATE_DIR: "/a" },
      place: { type: "files", directory: "/b" },
      variable: "CLOSING_BELL_LEDGER",
    },
    {
      name: "nowhere",
      env: { CLOSING_BELL_LEDGER: "none", CLOSING_BELL_STATE_DIR: "/a" },
      place: { type: "none" },
      variable: "CLOSING_BELL_LEDGER",
    },
    {
      name: "in a table of DynamoDB",
      env: { CLOSING_BELL_LEDGER: "dynamodb:totals", CLOSING_BELL_STATE_DIR: "/a" },
      place: { type: "dynamodb", table: "totals" },
      variable: "CLOSING_BELL_LEDGER",
    },
  ])("$name", ({ env, place, variable }) => {
    expect(environmentLedgerPlace(env)).toEqual({
      value: place,
      origin: { type: "environment", name: variable },
    });
  });

  test.each<{ env: Record<string, string> }>([
    { env: {} },
    { env: { CLOSING_BELL_LEDGER: "", CLOSING_BELL_STATE_DIR: "", XDG_STATE_HOME: "/state" } },
  ])("not said by $env", ({ env }) => {
    expect(environmentLedgerPlace(env)).toBeUndefined();
  });

  test.each<{ name: string; env: Record<string, string>; message: string }>([
    {
      name: "another kind",
      env: { CLOSING_BELL_LEDGER: "redis:x" },
      message: "expected file:DIR, dynamodb:TABLE or none",
    },
    {
      name: "a table of a name that none can have",
      env: { CLOSING_BELL_LEDGER: "dynamodb:my totals" },
      message: 'CLOSING_BELL_LEDGER is "dynamodb:my totals"; expected file:DIR, dynamodb:TABLE',
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
  ])("refused as $name", ({ env, message }) => {
    expect(() => environmentLedgerPlace(env)).toThrow(ConfigError);
    expect(() => environmentLedgerPlace(env)).toThrow(message);
  });
});

describe("the default ledger is", () => {
  test.each<{ name: string; env: Record<string, string>; directory: string }>([
    { name: "below the home directory", env: {}, directory: `${HOME}/.local/state/closing-bell` },
    { name: "where XDG says", env: { XDG_STATE_HOME: "/state" }, directory: "/state/closing-bell" },
    {
      name: "not at a relative XDG path",
      env: { XDG_STATE_HOME: "state" },
      directory: `${HOME}/.local/state/closing-bell`,
    },
  ])("$name", ({ env, directory }) => {
    expect(defaultLedgerPlace(env, HOME)).toEqual({ type: "files", directory });
  });

  test("below the HOME of the environment when none is given", () => {
    expect(homeOf({ HOME })).toBe(HOME);
    expect(defaultLedgerPlace({ HOME })).toEqual(defaultLedgerPlace({}, HOME));
  });
});

test.each(["file:/a/b c", "dynamodb:cb-totals_1.x", "none"])(
  "%s is read as it is written",
  (text) => {
    const place = parseLedgerPlace(text);

    expect(place && ledgerPlaceText(place)).toBe(text);
  },
);
