import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { freePort } from "../support/free-port.ts";
import { type RequestHandler, serve } from "../support/http-server.ts";
import { pem, serveSockets } from "../support/socket-server.ts";
import { examined, type Given, temporaryFolder, troubles } from "./examined.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("a gateway that is well", () => {
  test("passes every check, and each says what it saw", async () => {
    const { url } = await opened(startPushgateway());

    const examination = await examined({ env: { PUSHGATEWAY_URL: url.href } });

    expect(examination.ok).toBe(true);
    expect(troubles(examination)).toEqual([]);
    expect(examination.said).toMatchObject({
      config: `ok gateway.url from PUSHGATEWAY_URL; ledger from CLOSING_BELL_LEDGER; publish, scrapeIntervalSeconds by default (closing-bell config show --origin)`,
      "gateway.url": `ok ${url.origin}, from PUSHGATEWAY_URL`,
      "gateway.dns": "ok 127.0.0.1 is an address: no name to look up",
      "gateway.connect": `ok ${url.host} accepts connections`,
      "gateway.tls": "ok plain HTTP, as the URL says",
      "gateway.auth": "ok no credentials, and none are asked for",
      "clock.skew": "ok this host's clock and that of the gateway agree, to within 5 s",
    });
  });

  test("may be named, below a path, and over TLS with an authority of its own", async () => {
    const { port, requests } = await tlsServer((_, response) => response.end());
    const project = temporaryFolder();
    writeFileSync(join(project, "ca.pem"), pem("ca.pem"));
    const gateway = { url: `https://localhost:${port}/prom/gate`, caFile: "ca.pem" };
    writeFileSync(join(project, "closing-bell.json"), JSON.stringify({ gateway }));

    const { said } = await examined({
      cwd: project,
      lookup: async () => [{ address: "127.0.0.1", family: 4 }],
    });

    expect(said).toMatchObject({
      "gateway.url": `ok ${gateway.url}, from ${project}/closing-bell.json`,
      "gateway.dns": "ok localhost is 127.0.0.1",
      "gateway.tls": expect.stringMatching(
        /^ok TLSv1.3; the certificate of localhost ends in \d+ days$/,
      ),
      "gateway.auth": expect.stringMatching(/^ok /),
    });
    expect(requests[0]).toBe("/prom/gate/-/ready");
  });
});

describe("gateway.url", () => {
  test("fails when there is no gateway, and says where one can be named", async () => {
    const examination = await examined({ cwd: "/somewhere" });

    expect(examination.ok).toBe(false);
    expect(troubles(examination)).toEqual(["gateway.url"]);
    expect(examination.said["gateway.url"]).toBe(
      "failed no gateway is configured: runs are recorded and nothing is sent; set PUSHGATEWAY_URL (cron does not read a shell's profile), or gateway.url in /somewhere/closing-bell.json",
    );
    expect(examination.said["gateway.dns"]).toBe("skipped no gateway is configured");
  });

  test("warns of it where others publish", async () => {
    const examination = await examined({ env: { CLOSING_BELL_PUBLISH: "scheduled" } });

    expect(examination.ok).toBe(true);
    expect(troubles(examination)).toEqual(["gateway.url"]);
  });
});

describe("config", () => {
  test("fails with every problem; what does not need it is looked at", async () => {
    const { url } = await opened(startPushgateway());

    const examination = await examined({
      env: { PUSHGATEWAY_URL: url.href, CLOSING_BELL_PUBLISH: "never", CLOSING_BELL_LEDGER: "x" },
    });

    expect(troubles(examination)).toEqual(["config"]);
    expect(examination.said).toMatchObject({
      config:
        'failed CLOSING_BELL_LEDGER is "x"; expected file:DIR, dynamodb:TABLE or none; CLOSING_BELL_PUBLISH is "never"; expected one of completion, scheduled',
      "gateway.scrape": expect.stringMatching(/^ok /),
      "ledger.place": "skipped needs config",
      "ledger.totals": "skipped needs config",
    });
  });

  test("that names no gateway that can be read keeps the gateway from being looked at", async () => {
    const { said } = await examined({ env: { PUSHGATEWAY_URL: "gw" } });

    expect(said["config"]).toMatch(/^failed PUSHGATEWAY_URL: gateway URL is not a URL/);
    expect(said["gateway.url"]).toBe("skipped needs config");
    expect(said["gateway.scrape"]).toBe("skipped needs config");
  });
});

describe("gateway.dns", () => {
  const named = { gatewayUrl: "http://gw.example:9091" };
  const none = "skipped needs gateway.dns";

  test("tells a name that nobody knows, and who named it", async () => {
    const nameServers = [await nameServer("NXDOMAIN")];

    const { said } = await examined({ ...named, nameServers });

    expect(said["gateway.dns"]).toBe(
      "failed there is no host gw.example: check its spelling in --gateway",
    );
    expect(said["gateway.connect"]).toBe(none);
    expect(said["gateway.groups"]).toBe(none);
  });

  test.each<{ name: string; given: () => Promise<Partial<Given>> }>([
    {
      name: "says that it does not know the name, as the system does",
      given: async () => ({ nameServers: [await nameServer("silent")] }),
    },
    {
      name: "says so by itself",
      given: async () => ({
        lookup: () =>
          Promise.reject(Object.assign(new Error("getaddrinfo"), { code: "EAI_AGAIN" })),
      }),
    },
    {
      name: "is not heard of in time",
      given: async () => ({
        lookup: (_host, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          }),
      }),
    },
  ])("tells a name server that does not answer, when the lookup $name", async ({ given }) => {
    const { said } = await examined({ ...named, timeoutMs: 600, ...(await given()) });

    expect(said["gateway.dns"]).toMatch(
      /^failed gw\.example.*: no name server answers; check \/etc\/resolv\.conf/,
    );
    expect(said["gateway.connect"]).toBe(none);
  });
});

describe("gateway.connect", () => {
  test("names a port where nobody listens", async () => {
    const port = await freePort();

    const { said } = await examined({ gatewayUrl: `http://127.0.0.1:${port}` });

    expect(said["gateway.connect"]).toBe(
      `failed nothing listens on 127.0.0.1:${port} (ECONNREFUSED): is the gateway running there, and is it this port?`,
    );
    expect(said["gateway.tls"]).toBe("skipped needs gateway.connect");
  });

  test("is well when one of a name's addresses accepts", async () => {
    const { url } = await opened(startPushgateway());
    const addresses = ["::1", "127.0.0.1"];

    const { ok, said } = await examined({
      gatewayUrl: `http://gw.example:${url.port}`,
      lookup: async () =>
        addresses.map((address) => ({ address, family: address === "::1" ? 6 : 4 })),
    });

    expect(said["gateway.connect"]).toBe(`ok ${url.host} accepts connections`);
    expect(said["gateway.scrape"]).toMatch(/^ok /);
    expect(ok).toBe(true);
  });

  test("gives up on an address that drops what is sent to it", async () => {
    const port = await droppingPort();

    const { said } = await examined({ gatewayUrl: `http://127.0.0.1:${port}`, timeoutMs: 400 });

    expect(said["gateway.connect"]).toBe(
      `failed 127.0.0.1:${port}: no answer within 200 ms: the host is down, or a firewall drops what is sent to it`,
    );
  });
});

describe("gateway.tls", () => {
  test.each([
    {
      certificate: "expired",
      authority: true,
      said: /^failed the certificate of 127\.0\.0\.1 expired on 2002-\d\d-\d\dT[\d:]+Z: renew it/,
    },
    {
      certificate: "wrong-host",
      authority: true,
      said: /^failed the certificate is not for 127\.0\.0\.1 but for DNS:gateway\.example: use one of these names/,
    },
    {
      certificate: "wrong-host",
      authority: false,
      said: /nobody here knows .*: give its certificate, in PEM, as gateway\.caFile.* Besides, the certificate is not for 127\.0\.0\.1 but for/,
    },
    {
      certificate: "good",
      authority: false,
      said: /^failed the certificate of 127\.0\.0\.1 is signed by ".+", which nobody here knows \(UNABLE_TO_\w+\): give its certificate, in PEM, as gateway\.caFile/,
    },
    {
      certificate: "self-signed",
      authority: true,
      said: /^failed the certificate of 127\.0\.0\.1 is signed by ".+", which nobody here knows \(\w*SELF_SIGNED\w*\): gateway\.caFile does not hold it/,
    },
  ] as const)(
    "says of a certificate that is $certificate what is wrong (caFile: $authority)",
    async ({ certificate, authority, said: expected }) => {
      const server = await opened(serveSockets(() => {}, certificate));
      const project = temporaryFolder();
      writeFileSync(join(project, "ca.pem"), pem("ca.pem"));
      const gateway = authority ? { caFile: "ca.pem" } : {};
      writeFileSync(join(project, "closing-bell.json"), JSON.stringify({ gateway }));

      const { said } = await examined({ cwd: project, gatewayUrl: server.url.href });

      expect(said["gateway.tls"]).toMatch(expected);
      expect(said["gateway.http"]).toBe("skipped needs gateway.tls");
    },
  );

  test("names a server that speaks plain HTTP behind https, and the URL to use", async () => {
    const { url } = await opened(startPushgateway());

    const { said } = await examined({ gatewayUrl: `https://${url.host}/prom` });

    expect(said["gateway.tls"]).toBe(
      `failed ${url.host} speaks plain HTTP and no TLS: use http://${url.host}/prom, or the port that speaks TLS`,
    );
  });

  test("does so when that server waits for the end of what it takes for a request", async () => {
    const server = await opened(
      serveSockets((socket) => {
        let text = "";
        socket.setEncoding("latin1").on("data", (chunk) => {
          text += chunk;
          if (text.endsWith("\r\n\r\n")) socket.end("HTTP/1.1 200 OK\r\n\r\n");
        });
      }),
    );

    const gatewayUrl = `https://${server.url.host}`;
    const { said } = await examined({ gatewayUrl, timeoutMs: 2000 });

    expect(said["gateway.tls"]).toContain(
      `speaks plain HTTP and no TLS: use ${server.url.origin},`,
    );
  });

  test("sends it no credentials", async () => {
    const server = await opened(serve((_, response) => response.end()));

    await examined({ gatewayUrl: `https://me:secret@${server.url.host}` });

    expect(server.requests.length).toBeGreaterThan(0);
    for (const { headers } of server.requests) expect(headers.authorization).toBeUndefined();
  });

  test.each(["destroys the connection", "answers 400"])(
    "names a server that speaks TLS behind http, whose server %s",
    async (how) => {
      const { port } = await tlsServer((_, response) => response.end());
      const proxied = how === "answers 400" ? await refusingPlain(port) : port;

      const { said } = await examined({ gatewayUrl: `http://127.0.0.1:${proxied}` });

      expect(said["gateway.tls"]).toBe(
        `failed 127.0.0.1:${proxied} speaks TLS and no plain HTTP: use https://127.0.0.1:${proxied}`,
      );
    },
  );

  test("warns of credentials that go over a network in plain text", async () => {
    const { url } = await opened(startPushgateway());
    const lookup: Given["lookup"] = async () => [
      { address: "127.0.0.1", family: 4 },
      { address: "192.0.2.1", family: 4 },
    ];

    const { said } = await examined({ gatewayUrl: `http://me:pw@gw.example:${url.port}`, lookup });

    expect(said["gateway.tls"]).toBe(
      "warning plain HTTP: the credentials are sent unencrypted with every push; use https",
    );
  });

  test("says of what speaks neither that it does not", async () => {
    const server = await opened(serveSockets((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")));

    const asHttps = await examined({ gatewayUrl: `https://${server.url.host}` });
    const asHttp = await examined({ gatewayUrl: server.url.href });

    expect(asHttps.said["gateway.tls"]).toMatch(
      /^failed the TLS handshake with .* failed: .*; it does not speak HTTP either$/,
    );
    expect(asHttp.said["gateway.http"]).toMatch(
      /^failed GET \/-\/ready at .*; what listens there does not speak HTTP: check the port$/,
    );
  });
});

describe("gateway.http", () => {
  test("gives up on a server that accepts and does not answer", async () => {
    const server = await opened(serveSockets(() => {}));

    const { said } = await examined({ gatewayUrl: server.url.href, timeoutMs: 1000 });

    expect(said["gateway.http"]).toMatch(
      /^failed GET .*: no whole answer within 500 ms: the gateway is stopped or overloaded/,
    );
  });

  test.each<{ name: string; handler: RequestHandler; said: RegExp }>([
    {
      name: "another path",
      handler: (_, response) => response.writeHead(404).end("404 page not found"),
      said: /^failed GET .*: refused \(404\): 404 page not found; check the path of the gateway URL$/,
    },
    {
      name: "a redirect",
      handler: (_, response) => response.writeHead(302, { location: "https://sso/" }).end(),
      said: /^failed GET .*: redirected \(302\) to https:\/\/sso\/; redirects are not followed/,
    },
    {
      name: "a login page",
      handler: (_, response) =>
        response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
      said: /^failed GET .*: 200, but the answer is not a gateway's: <html>/,
    },
    {
      name: "a proxy without a gateway behind it",
      handler: (_, response) => response.writeHead(502).end("Bad Gateway"),
      said: /^failed GET .*: refused \(502\): Bad Gateway$/,
    },
  ])("tells $name", async ({ handler, said: expected }) => {
    const server = await opened(serve(handler));

    const { said } = await examined({ gatewayUrl: server.url.href });

    expect(said["gateway.http"]).toMatch(expected);
    expect(said["gateway.auth"]).toBe("skipped needs gateway.http");
  });
});

describe("gateway.auth", () => {
  const asking: RequestHandler = ({ headers: { authorization } }, response) => {
    const status = authorization === "Bearer known" ? 403 : 401;
    response.writeHead(status).end(`${authorization} is not welcome`);
  };

  test.each<{ name: string; given: (host: string) => Given; said: string }>([
    {
      name: "credentials of the URL",
      given: (host) => ({ env: { PUSHGATEWAY_URL: `http://me:opensesame@${host}` } }),
      said: "answers 401 to the user and password from PUSHGATEWAY_URL: not accepted; correct it there",
    },
    {
      name: "a token that is known and may not",
      given: (host) => ({
        env: { PUSHGATEWAY_URL: `http://${host}`, PUSHGATEWAY_TOKEN: "known" },
      }),
      said: "answers 403 to the bearer token from PUSHGATEWAY_TOKEN: known, but not allowed; ask who runs the gateway",
    },
    {
      name: "a secret that a file names",
      given: (host) => {
        const cwd = temporaryFolder();
        const gateway = { url: `http://${host}`, username: "me", password: { env: "GW" } };
        writeFileSync(join(cwd, "closing-bell.json"), JSON.stringify({ gateway }));
        return { cwd, env: { GW: "opensesame" } };
      },
      said: "answers 401 to the user and password from GW, named in ",
    },
    {
      name: "no credentials",
      given: (host) => ({ env: { PUSHGATEWAY_URL: `http://${host}` } }),
      said: "answers 401, and no credentials were sent: give them in PUSHGATEWAY_URL",
    },
    {
      name: "those of a file that belong to another gateway",
      given: (host) => {
        const cwd = temporaryFolder();
        const gateway = { url: "http://other:1", token: { env: "GW" } };
        writeFileSync(join(cwd, "closing-bell.json"), JSON.stringify({ gateway }));
        return { cwd, env: { GW: "opensesame", PUSHGATEWAY_URL: `http://${host}` } };
      },
      said: "/closing-bell.json are only sent to the gateway.url beside them, and this gateway is named by PUSHGATEWAY_URL)",
    },
  ])(
    "says whether, and from where, $name were refused, and never shows them",
    async ({ given, said: expected }) => {
      const server = await opened(serve(asking));

      const examination = await examined(given(server.url.host));

      expect(examination.ok).toBe(false);
      expect(troubles(examination)).toEqual(["gateway.auth"]);
      expect(examination.said["gateway.auth"]).toContain(expected);
      expect(examination.said["gateway.version"]).toBe("skipped needs gateway.auth");
      expect(JSON.stringify(examination)).not.toMatch(/opensesame|known"|b3BlbnNlc2FtZ/);
    },
  );
});

test("clock.skew is told by an answer of any status", async () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  const server = await opened(
    serve((_, response) => response.writeHead(401, { date }).end("Unauthorized")),
  );

  const { said } = await examined({ gatewayUrl: server.url.href });

  expect(said["clock.skew"]).toMatch(
    /^warning the clock of the gateway is 60 minutes ahead of this host's/,
  );
});

/** A port whose queue of connections is full and stays so: the kernel drops what comes. */
async function droppingPort(): Promise<number> {
  const program =
    "const s = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "ignore"] });
  cleanups.push(() => child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  child.kill("SIGSTOP");
  const port = Number(`${line}`);
  for (let taken = 0; taken < 4; taken++) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    cleanups.push(() => socket.destroy());
  }
  await sleep(20);
  return port;
}

async function opened<T extends { close(): unknown }>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  cleanups.push(() => server.close());
  return server;
}

/** An HTTPS server with the good certificate. */
async function tlsServer(handler: RequestHandler) {
  const requests: string[] = [];
  const server = createServer(
    { key: pem("good.key"), cert: pem("good.pem") },
    (request, response) => {
      requests.push(request.url ?? "");
      handler(request, response, Buffer.alloc(0));
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

/** Passes TLS on and answers plain HTTP as Go's servers and nginx do. */
async function refusingPlain(port: number): Promise<string> {
  const server = await opened(
    serveSockets((socket) => {
      socket.once("data", (head: Buffer) => {
        if (head[0] !== 0x16) {
          socket.end(
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
          );
          return;
        }
        const upstream = connect(port, "127.0.0.1");
        upstream.on("error", () => socket.destroy());
        socket.on("close", () => upstream.destroy());
        upstream.write(head);
        socket.pipe(upstream).pipe(socket);
      });
    }),
  );
  return server.url.port;
}

/** A name server on loopback that knows no name, or does not answer. Its address, for a resolver. */
async function nameServer(how: "NXDOMAIN" | "silent"): Promise<string> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { address, port }) => {
    if (how === "silent") return;
    const answer = Buffer.from(query);
    // RFC 1035, 4.1.1: a response, recursion available, name error.
    answer.writeUInt16BE(0x8183, 2);
    socket.send(answer, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}
