import {
  chmodSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { FileSystem } from "../../src/ledger/file/file-system.ts";
import { groupPaths } from "../../src/ledger/file/group-files.ts";
import { createFileLedger, type FileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { withPublishState } from "../../src/publish/publish-state.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createPushClient } from "../../src/push/client.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { manualClock } from "../support/manual-clock.ts";
import { counter, GROUP, success } from "../support/run-records.ts";
import { type SmallDisk, smallDisk } from "../support/small-disk.ts";
import { type Examined, examined, type Given, temporaryFolder, troubles } from "./examined.ts";

/** Unix seconds. */
const now = () => Date.now() / 1000;

let directory: string;
let ledger: FileLedger;
let gateway: PushgatewayServer;

beforeEach(async () => {
  directory = join(temporaryFolder(), "state");
  ledger = createFileLedger({ directory });
  gateway = await startPushgateway();
});

afterEach(async () => {
  await gateway.close();
});

describe("without a ledger", () => {
  test("a note says what is left out, and the rest is skipped", async () => {
    const { said } = await ask({ env: { CLOSING_BELL_LEDGER: "none" } });

    expect(said["ledger.place"]).toBe(
      "ok none, from CLOSING_BELL_LEDGER: gauges and run times are pushed as runs end, counters and histograms are left out",
    );
    for (const name of ["ledger.writable", "ledger.totals", "ledger.groups", "publish.schedule"]) {
      expect(said[name]).toBe("skipped there is no ledger");
    }
  });

  test("one that is yet to be made is well, and is not made", async () => {
    const { ok, said } = await ask();

    expect(ok).toBe(true);
    expect(said).toMatchObject({
      "ledger.place": `ok file:${directory}, from CLOSING_BELL_STATE_DIR; the first run makes it`,
      "ledger.local": `ok ${dirname(directory)} is on a local file system`,
      "ledger.writable": `ok ${directory} can be made in ${dirname(directory)}`,
      "ledger.totals": "ok nothing was ever recorded",
      "ledger.groups": "skipped nothing was ever recorded",
      "publish.schedule": "skipped nothing was ever recorded",
    });
    expect(readdirSync(dirname(directory))).toEqual([]);
  });

  test("an empty directory stays empty", async () => {
    mkdirSync(directory, { mode: 0o700 });

    const { ok, said } = await ask();

    expect(ok).toBe(true);
    expect(said["ledger.place"]).toMatch(/; it is empty$/);
    expect(said["ledger.writable"]).toBe(
      `ok a file was written in ${directory}, synced, linked and removed`,
    );
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("a state directory is refused, with what to do, when it", () => {
  test.each<{
    name: string;
    make: () => string | undefined;
    fs?: Partial<FileSystem>;
    said: RegExp;
  }>([
    {
      name: "is a symbolic link",
      make: () => {
        symlinkSync(temporaryFolder(), directory);
        return undefined;
      },
      said: /^failed .* is a symbolic link: .*Set CLOSING_BELL_STATE_DIR to the directory itself$/,
    },
    {
      name: "is a file",
      make: () => {
        writeFileSync(directory, "");
        return undefined;
      },
      said: /^failed .* is not a directory; /,
    },
    {
      name: "can be written by others",
      make: () => {
        mkdirSync(directory);
        chmodSync(directory, 0o777);
        return undefined;
      },
      said: /^failed .* can be written by others \(mode 777\): chmod 700 it/,
    },
    {
      name: "belongs to somebody else",
      make: () => {
        mkdirSync(directory, { mode: 0o700 });
        return undefined;
      },
      fs: { userId: () => 4711 },
      said: /^failed .* belongs to user \d+ and this is user 4711: a ledger has one user/,
    },
    {
      name: "has a path too long for sockets",
      make: () => join(dirname(directory), "x".repeat(80)),
      said: /^failed nothing can be published from .*: it is \d+ bytes long/,
    },
    {
      name: "has an id that cannot be read",
      make: () => {
        mkdirSync(directory, { mode: 0o700 });
        writeFileSync(join(directory, "ledger.json"), "{");
        return undefined;
      },
      said: /^failed .*ledger\.json cannot be read: .*restore it from a backup/,
    },
    {
      name: "is on Windows",
      make: () => undefined,
      fs: { platform: "win32" },
      said: /^failed .*POSIX/,
    },
  ])("$name", async ({ make, fs = {}, said: expected }) => {
    const other = make();

    const examination = await ask({
      fs,
      ...(other === undefined ? {} : { env: { CLOSING_BELL_STATE_DIR: other } }),
    });

    expect(examination.ok).toBe(false);
    expect(troubles(examination)).toEqual(["ledger.place"]);
    expect(examination.said["ledger.place"]).toMatch(expected);
    expect(examination.said["ledger.totals"]).toBe("skipped needs ledger.place");
  });
});

test("ledger.local fails on a network file system, be the directory there or yet to be made", async () => {
  const fs = { platform: "linux", typeOf: async () => 0x6969 };

  const { said } = await ask({ fs });
  await record("1");
  const later = await ask({ fs });

  for (const each of [said, later.said]) {
    expect(each["ledger.local"]).toMatch(
      /^failed .* is on a network or shared file system \(NFS\), where a ledger of files can lose runs\. Set/,
    );
  }
});

describe("ledger.writable fails when", () => {
  test("files cannot be linked, and leaves nothing behind", async () => {
    mkdirSync(directory, { mode: 0o700 });
    const link = () => Promise.reject(Object.assign(new Error("EPERM"), { code: "EPERM" }));

    const { ok, said } = await ask({ fs: { link } });

    expect(ok).toBe(false);
    expect(said["ledger.writable"]).toMatch(
      /^failed no run can be recorded: .* does not allow it \(EPERM\); set CLOSING_BELL_STATE_DIR to/,
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  describe("the disk", () => {
    let disk: SmallDisk | undefined;
    beforeAll(() => {
      disk = smallDisk();
    });

    test("is full or read-only", async () => {
      // Where mounting is not allowed.
      if (disk === undefined) return;
      const env = { CLOSING_BELL_STATE_DIR: join(disk.path, "state") };
      mkdirSync(env.CLOSING_BELL_STATE_DIR, { mode: 0o700 });
      try {
        const small = await ask({ env });
        disk.fill(0);
        const full = await ask({ env });
        disk.free();
        disk.setReadOnly(true);
        const readOnly = await ask({ env });
        const notThere = await ask({ env: { CLOSING_BELL_STATE_DIR: join(disk.path, "new") } });

        expect(small.said["ledger.writable"]).toMatch(/^ok /);
        expect(small.said["ledger.space"]).toMatch(
          /^warning \d\.\d MiB free in .*: when it is full/,
        );
        expect(full.said["ledger.writable"]).toMatch(/^failed no run can be recorded: no room in /);
        expect(readOnly.said["ledger.writable"]).toMatch(/^failed .* is read-only \(EROFS/);
        expect(notThere.said["ledger.writable"]).toMatch(/^failed .* is read-only \(EROFS/);
      } finally {
        disk.remove();
      }
    });
  });
});

describe("a ledger that is published", () => {
  test("is well in every respect, and nothing in it has changed", async () => {
    await record("1");
    await publish();
    const before = listing();

    const examination = await ask();

    expect(examination.ok).toBe(true);
    expect(troubles(examination)).toEqual([]);
    expect(examination.said).toMatchObject({
      "ledger.place": `ok file:${directory}, from CLOSING_BELL_STATE_DIR, ledger ${await ledger.ledgerId()}`,
      "ledger.totals": "ok 1 groups, 1 records counted",
      "ledger.groups": `ok 1 groups are this ledger's at ${gateway.url.origin}`,
      "publish.schedule":
        'ok 0 records wait, none for long; see that a crontab has "* * * * *  closing-bell publish --quiet", which heals a gateway that was restarted',
    });
    expect(listing()).toEqual(before);
  });

  test("has totals that can be read, or says which cannot", async () => {
    await record("1");
    await foldGroup(ledger, GROUP);
    const { snapshots } = groupPaths(directory, GROUP);
    truncateSync(join(snapshots, readdirSync(snapshots)[0] ?? ""), 5);

    const examination = await ask();

    expect(troubles(examination)).toEqual(["ledger.totals"]);
    expect(examination.said["ledger.totals"]).toMatch(
      /^failed \{job="nightly",mode="backtest"\}: ERR_LEDGER_CORRUPT: .*closing-bell ledger repair/,
    );
  });

  test("has records that can be read, or a warning", async () => {
    await record("1");
    writeFileSync(join(groupPaths(directory, GROUP).pending, "f".repeat(64)), "{");

    const { said } = await ask();

    expect(said["ledger.totals"]).toMatch(
      /^warning 1 groups, 0 records counted, 1 more that this version cannot read; closing-bell ledger show/,
    );
  });
});

describe("ledger.groups", () => {
  test("fails when the gateway shows another ledger's totals, and names both and the way out", async () => {
    await record("1", createFileLedger({ directory: join(temporaryFolder(), "theirs") }));
    await record("1");

    const { ok, said } = await ask();

    expect(ok).toBe(false);
    expect(said["ledger.groups"]).toMatch(
      /^failed http:\S+ shows \{job="nightly",mode="backtest"\} at version 1 of ledger \S+, and here is version 0 of ledger .*closing-bell ledger adopt -j nightly -g mode=backtest$/,
    );
  });

  test("warns of a gateway that lost what it showed", async () => {
    await record("1");
    await publish();
    const port = Number(gateway.url.port);
    await gateway.close();
    gateway = await startPushgateway({ port });

    const { ok, said } = await ask();

    expect(ok).toBe(true);
    expect(said["ledger.groups"]).toMatch(
      /^warning http:\S+ shows nothing, or older totals than this ledger has, of \{job="nightly",mode="backtest"\}: it restarted, perhaps; closing-bell publish brings them back$/,
    );
  });

  test("says nothing of what is on its way", async () => {
    await record("1");
    await publish();
    await ledger.append(success("2", [counter("rows_total", 1)], { completedAt: now() }));

    const { said } = await ask();

    expect(said["ledger.groups"]).toMatch(/^ok /);
    expect(said["publish.schedule"]).toMatch(/^ok 1 records wait, none for long; /);
  });

  test("needs a gateway; the ledger itself does not", async () => {
    await record("1");

    const { said } = await ask({ env: { PUSHGATEWAY_URL: "http://127.0.0.1:1" } });

    expect(said["ledger.groups"]).toBe("skipped needs gateway.connect");
    expect(said["ledger.totals"]).toMatch(/^ok /);
    expect(said["publish.schedule"]).toMatch(/^ok /);
  });
});

describe("publish.schedule warns, with the line for cron, of", () => {
  const line = 'add the cron line "* * * * *  closing-bell publish --quiet"';

  test("runs that wait for long", async () => {
    for (const id of ["1", "2"]) {
      await ledger.append(success(id, [counter("rows_total", 1)], { completedAt: now() - 1300 }));
    }

    const { ok, said } = await ask();

    expect(ok).toBe(true);
    expect(said["publish.schedule"]).toBe(
      `warning 2 records of {job="nightly",mode="backtest"} wait to be published for 22 minutes: nobody publishes, or it fails each time; ${line}, or see with closing-bell publish why it fails`,
    );
  });

  test("a push that was never confirmed", async () => {
    await record("1");
    await foldGroup(ledger, GROUP);
    const taken = await ledger.lease(GROUP);
    if (taken.status === "held") throw new Error("a new ledger is nobody's");
    const state = { settled: new Set<string>(), held: new Map<string, number>() };
    const unconfirmed = { version: 1, at: now() - 7300 };
    const item = withPublishState(undefined, gateway.url.origin, { ...state, unconfirmed });
    await taken.lease.writeState(item);
    await taken.lease.release();

    const { said } = await ask();

    expect(said["publish.schedule"]).toMatch(
      /^warning a push of \{.*\} was not confirmed for 2 hours: nobody publishes/,
    );
    expect(said["publish.schedule"]).toContain(line);
  });

  test("new series that show 0 for longer than they are held", async () => {
    await record("1");
    await publish(manualClock(now() - 3600), 60);

    const { said } = await ask({ env: { CLOSING_BELL_SCRAPE_INTERVAL: "60" } });

    expect(said["publish.schedule"]).toMatch(
      /^warning new series of \{.*\} show 0 without need for 58 minutes: nobody publishes/,
    );
    expect(said["ledger.groups"]).toMatch(/^ok /);
  });
});

test("what cannot be known without the configuration is skipped", async () => {
  await record("1");
  await publish();

  const { said } = await ask({ env: { CLOSING_BELL_SCRAPE_INTERVAL: "often" } });

  expect(said["ledger.totals"]).toMatch(/^ok /);
  expect(said["ledger.groups"]).toBe("skipped needs config");
  expect(said["publish.schedule"]).toBe("skipped needs config");
});

test("process.pid-1 warns of being the init process, and of nothing else", async () => {
  const first = await ask({ pid: 1 });
  const other = await ask({ pid: 4711 });

  expect(first.ok).toBe(true);
  expect(first.said["process.pid-1"]).toMatch(/^warning this is process 1.*docker run --init/);
  expect(other.said["process.pid-1"]).toBe("ok this is process 4711, not the init process");
});

function ask({ env, ...given }: Given = {}): Promise<Examined> {
  return examined({
    ...given,
    env: {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
      // Empty, it says nothing.
      CLOSING_BELL_LEDGER: "",
      CLOSING_BELL_STATE_DIR: directory,
      ...env,
    },
  });
}

/** A run a moment ago, in a ledger; published when that is not the one under test. */
async function record(id: string, to: FileLedger = ledger): Promise<void> {
  await to.append(success(id, [counter("rows_total", 7)], { completedAt: now() }));
  if (to !== ledger) await publish(undefined, 0, to);
}

async function publish(
  clock = manualClock(now()),
  scrapeIntervalSeconds = 0,
  from: FileLedger = ledger,
): Promise<void> {
  const client = createPushClient({ url: gateway.url });
  const publisher = createPublisher({ ledger: from, client, clock, scrapeIntervalSeconds });
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "published" });
  client.close();
}

/** Every name below the state directory. */
function listing(): readonly string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}
