import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../src/errors.ts";
import {
  type PostgresLocation,
  parsePostgresUrl,
  postgresTls,
} from "../../src/sources/postgres-address.ts";

describe("a PostgreSQL connection string", () => {
  test.each([
    [
      "postgres://reporter@db",
      { host: "db", port: 5432, user: "reporter", database: "reporter", password: "" },
    ],
    [
      "postgresql://u:p%40s%2Fs%25@db.example:6432/tra%20ding?pgbouncer=true",
      { host: "db.example", port: 6432, user: "u", database: "tra ding", password: "p@s/s%" },
    ],
    ["postgres://u@[::1]:6/d", { host: "::1", port: 6, label: "[::1]:6/d" }],
    ["postgres://u@%2Frun%2Fpg/d", { host: "/run/pg", label: "/run/pg:5432/d" }],
    ["postgres:///?host=/run/pg&user=u&password=p", { host: "/run/pg", user: "u", password: "p" }],
    ["postgres://u@h/d?options=-c%20search_path%3Dx", { options: "-c search_path=x" }],
    ["postgres://u@h/d?dbname=e&port=7", { database: "e", port: 7, label: "h:7/e" }],
  ])("%s", (connectionString, expected) => {
    expect(parsePostgresUrl({ connectionString })).toMatchObject(expected);
  });

  test.each([
    ["host=db dbname=trading password=hunter2", /expected postgres:/],
    ["mysql://u:hunter2@db/d", /another scheme/],
    ["postgres:///d", /no host/],
    ["postgres://db/d", /no user/],
    ["postgres://u:hunter2@a,b:1/d", /several hosts/],
    ["postgres://u:hunter2@db:99999/d", /expected postgres:/],
    ["postgres://u:hunter2@db/d?port=x", /unusable port/],
    ["postgres://u:1/hunter2@db/d", /wrong place/],
    ["postgres://u:1?hunter2@db/d", /wrong place/],
    ["postgres://u:1#hunter2@db/d", /wrong place/],
    ["postgres://u:hunter2%@db/d", /must be written %25/],
    ["postgres://u:hunter2@db/d?sslmode=prefer", /other than disable, require/],
    ["postgres://u:hunter2@db/d?sslmode=verify-ca", /needs a CA/],
  ])("%s is refused, and not shown", (connectionString, expected) => {
    const parse = () => parsePostgresUrl({ connectionString });

    expect(parse).toThrow(InvalidOptionError);
    expect(parse).toThrow(expected);
    expect(parse).not.toThrow(/hunter2/);
  });

  test("a CA without TLS is refused: somebody meant to be safe", () => {
    expect(() => parsePostgresUrl({ connectionString: "postgres://u@db/d", ca: "PEM" })).toThrow(
      /add sslmode=verify-full/,
    );
  });
});

describe("TLS", () => {
  const ca = "PEM";
  const trusting = { rejectUnauthorized: false, checkServerIdentity: expect.any(Function) };
  const byCa = { ca, rejectUnauthorized: true, checkServerIdentity: expect.any(Function) };

  test.each<[string, Partial<PostgresLocation>, object | false]>([
    ["", {}, false],
    ["sslmode=disable", {}, false],
    ["sslmode=require", {}, trusting],
    ["sslmode=no-verify", {}, trusting],
    ["sslmode=no-verify", { ca }, { ca, ...trusting }],
    ["sslmode=require", { ca }, byCa],
    ["sslmode=verify-ca", { ca }, byCa],
    ["sslmode=verify-full", { ca }, { ca, rejectUnauthorized: true }],
    ["sslmode=verify-full&sslrootcert=system", {}, { rejectUnauthorized: true }],
    ["ssl=true", {}, { rejectUnauthorized: true }],
  ])("%s %j", (parameters, location, expected) => {
    const connectionString = `postgres://u@db/d?${parameters}`;

    expect(postgresTls(parsePostgresUrl({ connectionString, ...location }))).toEqual(expected);
  });

  test("reads the files that the string names", () => {
    const file = new URL("../support/tls/ca.pem", import.meta.url).pathname;
    const connectionString = `postgres://u@db/d?sslmode=verify-full&sslrootcert=${file}&sslcert=${file}&sslkey=${file}`;

    expect(postgresTls(parsePostgresUrl({ connectionString }))).toEqual({
      ca: expect.stringMatching(/^-----BEGIN/),
      cert: expect.stringMatching(/^-----BEGIN/),
      key: expect.stringMatching(/^-----BEGIN/),
      rejectUnauthorized: true,
    });
  });
});
