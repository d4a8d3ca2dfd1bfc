import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type RealPostgres, startPostgres } from "../support/postgres.ts";
import { describeWithServer } from "../support/servers.ts";
import { pem, serveSockets } from "../support/socket-server.ts";
import { bundlePostgresProcess } from "./postgres-bundle.ts";
import { readThroughProxy } from "./postgres-proxy.ts";
import { answerOf, problemOf, readPostgres, variant } from "./postgres-reading.ts";

/** Does no TLS. */
let plain: RealPostgres;
/** Lets nobody in without TLS. */
let secured: RealPostgres;

/** The head of a row description that announces more than it has: `pg` itself throws at it. */
const BROKEN_MESSAGE = "T\0\0\0\x06\0\x05";

const IS_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

describeWithServer("postgres", "initdb")("PostgreSQL", () => {
  beforeAll(async () => {
    plain = await startPostgres();
    secured = await startPostgres({
      tls: "good",
      hba: "hostssl all all 127.0.0.1/32 scram-sha-256\n",
    });
  });

  describe("TLS to PostgreSQL", () => {
    const read = (server: RealPostgres, sslmode: string, ca?: string) =>
      readPostgres({
        connectionString: variant(server.url, { parameters: `sslmode=${sslmode}` }),
        query: IS_ENCRYPTED,
        ...(ca === undefined ? {} : { ca }),
      });

    test.each(["require", "verify-ca", "verify-full"])("%s with the CA", async (sslmode) => {
      const { row } = answerOf(await read(secured, sslmode, secured.ca));

      expect(row).toEqual(["t"]);
    });

    test("require without a CA encrypts, and believes whoever answers", async () => {
      expect(answerOf(await read(secured, "require")).row).toEqual(["t"]);
    });

    test.each(["require", "verify-ca", "verify-full"])("%s with another CA fails", async (mode) => {
      const problem = problemOf(await read(secured, mode, pem("self-signed.pem")));

      expect(problem).toMatch(/connecting to .*unable to verify.*; give the authority/);
    });

    test("verify-full without a CA does not know the one of this server", async () => {
      const problem = problemOf(await read(secured, "verify-full"));

      expect(problem).toMatch(/connecting to .*unable to verify.*; give the authority/);
    });

    test("the certificate of another host passes verify-ca, not verify-full", async () => {
      const server = await startPostgres({ tls: "wrong-host" });

      expect(answerOf(await read(server, "verify-ca", server.ca)).row).toEqual(["t"]);
      expect(problemOf(await read(server, "verify-full", server.ca))).toMatch(
        /127\.0\.0\.1.*\(ERR_TLS_CERT_ALTNAME_INVALID\); use a host name/,
      );
      await server.stop();
    });

    test("that the server has not, or insists on, is said", async () => {
      const refused = problemOf(await read(plain, "verify-full", pem("ca.pem")));
      const wanted = problemOf(await read(secured, "disable"));

      expect(refused).toMatch(/does not support SSL connections; switch TLS on there/);
      expect(wanted).toMatch(/no encryption \(28000\); it wants TLS: add sslmode=verify-full/);
    });

    test("a CA file that is not there is named", async () => {
      const parameters = "sslmode=verify-full&sslrootcert=/no/such/ca.pem";
      const connectionString = variant(secured.url, { parameters });

      expect(problemOf(await readPostgres({ connectionString }))).toMatch(
        /ENOENT.*no\/such\/ca.pem/,
      );
    });
  });

  describe("a connection to PostgreSQL", () => {
    test.each([
      ["ended", (socket: Socket) => socket.destroy()],
      ["reset", (socket: Socket) => socket.resetAndDestroy()],
    ])(
      "that is %s after any number of bytes fails the reading, and nothing else",
      async (_, cut) => {
        const whole = await readThroughProxy(plain, Number.POSITIVE_INFINITY, cut);
        expect(whole.reading).toMatchObject({ status: "read" });

        for (let bytes = 0; bytes < whole.bytes; bytes += 23) {
          const { reading } = await readThroughProxy(plain, bytes, cut);
          expect(problemOf(reading)).toMatch(
            /^SourceError: db: (connecting to|query at) 127\.0\.0\.1:\d+\/postgres: .*the connection was cut/,
          );
        }
      },
    );

    test("that is cut after any number of bytes of TLS fails the reading alone", async () => {
      const tls = { parameters: "sslmode=verify-full", ca: pem("ca.pem") };
      const cut = (socket: Socket) => socket.destroy();
      const whole = await readThroughProxy(secured, Number.POSITIVE_INFINITY, cut, tls);
      expect(whole.reading).toMatchObject({ status: "read" });

      // The goodbye of TLS is not waited for, so the last bytes may be lost.
      for (let bytes = 0; bytes < whole.bytes - 100; bytes += 97) {
        const { reading } = await readThroughProxy(secured, bytes, cut, tls);
        expect(problemOf(reading)).toMatch(/^SourceError: db: (connecting to|query at) 127/);
      }
    });

    test.each([
      ["says nothing", undefined],
      ["hangs up", ""],
      ["speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
      ["speaks SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"],
      ["speaks Redis", "-ERR unknown command\r\n"],
      ["speaks MySQL", "J\0\0\0\n8.0.40\0\b\0\0\0abcdefgh\0"],
      ["wants TLS and has none", "S and nothing of the kind"],
      ["breaks PostgreSQL's protocol", BROKEN_MESSAGE],
    ])("to a server that %s fails, with and without TLS", async (_, answer) => {
      const server = await serveSockets((socket) => {
        if (answer !== undefined) socket.once("data", () => socket.end(answer));
      });
      const url = `postgres://u:secret@${server.url.host}/d`;
      const readings = [url, `${url}?sslmode=require`].map((connectionString) =>
        readPostgres({ connectionString, timeoutMs: 300 }),
      );
      const problems = (await Promise.all(readings)).map(problemOf);
      await server.close();

      for (const problem of problems) {
        expect(problem).toMatch(/^SourceError: db: connecting to 127\.0\.0\.1:\d+\/d: .*; /);
      }
    });

    test("ends with the goodbye of the protocol, not with a cut that the server would log", async () => {
      const { sent } = await readThroughProxy(plain, Number.POSITIVE_INFINITY, () => {});

      expect(sent.subarray(-5).toString("latin1")).toBe("X\0\0\0\x04");
    });

    test("to a server that breaks the protocol behind TLS fails", async () => {
      const server = await serveSockets((socket) => {
        socket.once("data", () => {
          socket.write("S");
          const secure = new TLSSocket(socket, {
            isServer: true,
            key: pem("good.key"),
            cert: pem("good.pem"),
          });
          secure.on("error", () => {}).once("data", () => secure.write(BROKEN_MESSAGE));
        });
      });
      const connectionString = `postgres://u:secret@${server.url.host}/d?sslmode=verify-full`;
      const problem = problemOf(await readPostgres({ connectionString, ca: pem("ca.pem") }));
      await server.close();

      expect(problem).toMatch(/what came is not PostgreSQL's protocol; is this a PostgreSQL,/);
    });

    test("that nobody needs any more is cut at once, also while it is made", async () => {
      const started = performance.now();
      const stop = new AbortController();
      let closed = () => {};
      const cut = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const server = await serveSockets((socket) => {
        socket.once("close", () => closed());
        socket.once("data", () => stop.abort(new Error("told to stop")));
      });
      const connectionString = `postgres://u@${server.url.host}/d`;

      const reading = await readPostgres({
        connectionString,
        timeoutMs: 50_000,
        stop: stop.signal,
      });
      await cut;
      expect(performance.now() - started).toBeLessThan(20_000);
      await server.close();

      expect(problemOf(reading)).toBe("SourceError: db: told to stop");
    });
  });

  describe("a process that reads PostgreSQL", () => {
    test("heeds no environment, warns of nothing, and ends by itself", () => {
      const home = mkdtempSync(join(tmpdir(), "cb-home-"));
      writeFileSync(join(home, ".pgpass"), "*:*:*:*:from-a-file\n", { mode: 0o600 });
      const env = {
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        PGHOST: "other.example",
        PGUSER: "other",
        PGPASSWORD: "other",
        PGSSLMODE: "verify-full",
        NODE_TLS_REJECT_UNAUTHORIZED: "1",
      };
      const connectionStrings = [
        plain.url,
        variant(secured.url, { parameters: "sslmode=require" }),
        variant(plain.url, { password: "" }),
      ];

      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [bundlePostgresProcess(), ...connectionStrings],
        { env, encoding: "utf8", timeout: 30_000 },
      );
      rmSync(home, { recursive: true });

      expect(stderr).toBe("");
      expect(stdout.split("\n")).toEqual([
        "read",
        "read",
        expect.stringMatching(/the server wants a password: the connection string has none/),
        "",
      ]);
      expect(status).toBe(0);
    });
  });
});
