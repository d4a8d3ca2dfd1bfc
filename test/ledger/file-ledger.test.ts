import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { FileSystem } from "../../src/ledger/file/file-system.ts";
import { donePath, groupPaths, pendingPath } from "../../src/ledger/file/group-files.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { fold } from "../../src/ledger/fold.ts";
import { foldGroup, foldRound } from "../../src/ledger/fold-round.ts";
import { emptySnapshot, encodeSnapshot } from "../../src/ledger/snapshot.ts";
import { encodeRecord } from "../../src/record/encoding.ts";
import { sha256 } from "../../src/record/run-record.ts";
import { manualClock } from "../support/manual-clock.ts";
import { GROUP, runsTotal, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { describeLedgerContract } from "./contract.ts";

afterAll(removeStateDirectories);

describeLedgerContract("a ledger of files", async () =>
  createFileLedger({ directory: stateDirectory() }),
);

describe("what it leaves on disk", () => {
  test("is named by hashes, for this user alone, and nothing else", async () => {
    const { directory, ledger } = open();
    await ledger.append(success("a", [runsTotal()], { runId: "../../etc/passwd" }));
    await foldGroup(ledger, GROUP);
    await ledger.append(success("b"));
    await ledger.writeState("lease/../x", { version: 1, value: 1 });
    expect(
      filesOf(directory).map((path) => path.replace(/[0-9a-f]{62,64}|[0-9a-f]{32}/g, "#")),
    ).toEqual(
      [
        "groups/#/d/5e/#",
        "groups/#/group.json",
        "groups/#/p/#",
        "groups/#/s/0000000000000001",
        "ledger.json",
        "state/#/0000000000000001",
      ].map((path) => expect.stringMatching(path.replace("5e", "[0-9a-f]{2}"))),
    );
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect(mode).toBe(entry.isDirectory() ? 0o700 : 0o600);
    }
  });

  test("is read by another process as it was written", async () => {
    const { directory, ledger } = open();
    await ledger.append(success("a"));
    const other = createFileLedger({ directory });
    expect(await other.ledgerId()).toBe(await ledger.ledgerId());
    expect((await foldGroup(other, GROUP)).taken).toBe(1);
    expect(await ledger.append(success("a"))).toEqual({ status: "present" });
  });

  test("is not made by looking", async () => {
    const { directory, ledger } = open();
    expect(await ledger.groups()).toEqual([]);
    expect((await foldGroup(ledger, GROUP)).snapshot.version).toBe(0);
    expect(filesOf(directory)).toEqual(["ledger.json"]);
  });
});

describe("snapshots", () => {
  test("are kept, the last twenty of them", async () => {
    const { directory, ledger } = open();
    for (let run = 0; run < 25; run++) {
      await ledger.append(success(`r${run}`));
      await foldGroup(ledger, GROUP);
    }
    const versions = readdirSync(groupPaths(directory, GROUP).snapshots).map(Number);
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 6));
  });

  test("are lost to one who was stopped until its version was forgotten, and never read", async () => {
    const { ledger } = open();
    await ledger.append(success("a"));
    const stale = encodeSnapshot((await foldGroup(ledger, GROUP)).snapshot);
    for (let run = 0; run < 25; run++) {
      await ledger.append(success(`r${run}`));
      await foldGroup(ledger, GROUP);
    }
    // The name of version 1 is free again.
    expect(await ledger.writeSnapshot(GROUP, stale)).toBe("lost");
    expect((await ledger.readSnapshot(GROUP))?.version).toBe(26);
  });

  test("that lost are not read by one who listed them when they were the newest", async () => {
    const directory = stateDirectory();
    const others = createFileLedger({ directory });
    const lost = encodeSnapshot(fold(emptySnapshot(GROUP), [success("late")]));
    let whileStopped = async () => {};
    const stopped = createFileLedger({
      directory,
      fs: {
        // Between listing the versions and reading the newest of them.
        async sync() {
          const work = whileStopped;
          whileStopped = async () => {};
          await work();
        },
      },
    });
    await others.append(success("r0"));
    await foldGroup(others, GROUP);
    await stopped.ledgerId();
    whileStopped = async () => {
      for (let run = 1; run < 25; run++) {
        await others.append(success(`r${run}`));
        await foldGroup(others, GROUP);
      }
      await others.append(success("late"));
      // By one who was stopped even longer, and has not come to the check that tells him so.
      writeFileSync(join(groupPaths(directory, GROUP).snapshots, "0000000000000001"), lost.bytes);
    };
    await foldRound(stopped, GROUP);
    expect((await foldGroup(others, GROUP)).snapshot.totals.records).toBe(26);
  });

  test("of a newer closing-bell stop the fold and say so; appends go on", async () => {
    const { directory, ledger } = open();
    await ledger.append(success("a"));
    await foldGroup(ledger, GROUP);
    const { gzipSync } = process.getBuiltinModule("node:zlib");
    const bytes = gzipSync('{"format":2}');
    writeFileSync(join(groupPaths(directory, GROUP).snapshots, "0000000000000002"), bytes);
    await ledger.append(success("b"));
    await expect(foldGroup(ledger, GROUP)).rejects.toMatchObject({ code: "ERR_LEDGER_FORMAT" });
  });
});

test("a version is linked only after the done marks of the one before are durable", async () => {
  const events: string[] = [];
  const { promises } = process.getBuiltinModule("node:fs");
  const { directory, ledger } = open({
    async link(existing, path) {
      await promises.link(existing, path);
      events.push(relative(groupPaths(directory, GROUP).directory, path).slice(0, 1));
    },
    async sync(handle) {
      await handle.sync();
      events.push((await handle.stat()).isDirectory() ? "dir" : "file");
    },
  });
  await ledger.append(success("a"));
  await ledger.append(success("b"));
  const cutOff = { ...ledger, putDone: () => Promise.reject(new Error("killed")) };
  await expect(foldGroup(cutOff, GROUP)).rejects.toThrow("killed");
  await ledger.append(success("c"));
  events.length = 0;
  await foldRound(ledger, GROUP);
  const order = events.join(" ");
  // Of two marks, the content and then the name, then their directories; the snapshot after it.
  expect(order).toMatch(/^dir (dir )*(file |d ){4}(dir ){1,2}dir file s dir (dir )?file d dir$/);
});

test("a version is linked only after what it rests on is durable, whoever wrote it", async () => {
  const { promises } = process.getBuiltinModule("node:fs");
  const synced = new Set<number>();
  let syncedBefore: ReadonlySet<number> = new Set();
  const { directory, ledger } = open({
    async link(existing, path) {
      if (path.includes("/s/")) syncedBefore = new Set(synced);
      await promises.link(existing, path);
    },
    async sync(handle) {
      await handle.sync();
      synced.add((await handle.stat()).ino);
    },
  });
  const others = createFileLedger({ directory });
  await others.append(success("a"));
  await foldGroup(others, GROUP);
  await others.append(success("b"));
  await ledger.ledgerId();
  synced.clear();
  await foldRound(ledger, GROUP);
  const { snapshots, pending } = groupPaths(directory, GROUP);
  const marks = donePath(groupPaths(directory, GROUP), "run-a").directory;
  for (const path of [snapshots, marks, pending]) {
    expect(syncedBefore).toContain(statSync(path).ino);
  }
});

describe("what nobody here can read", () => {
  test.each<{ name: string; bytes: string; status: string }>([
    { name: "a record of a newer format", bytes: '{"format":2}', status: "unknown_format" },
    { name: "a damaged record", bytes: '{"format":1', status: "unreadable" },
    { name: "another file's record", bytes: `${encodeRecord(success("z"))}`, status: "unreadable" },
  ])("$name is left alone and reported, others are counted", async ({ bytes, status }) => {
    const { directory, ledger } = open();
    await ledger.append(success("a"));
    const path = pendingPath(groupPaths(directory, GROUP), "of the future");
    writeFileSync(path, bytes);
    const report = await foldGroup(ledger, GROUP);
    expect(report).toMatchObject({ taken: 1, skipped: [{ status, place: path }] });
    expect(`${readFileSync(path)}`).toBe(bytes);
  });

  test("a damaged file under the id of a run keeps it from being recorded, visibly", async () => {
    const { directory, ledger } = open();
    await ledger.append(success("a"));
    writeFileSync(pendingPath(groupPaths(directory, GROUP), "run-a"), "x");
    await expect(ledger.append(success("a"))).rejects.toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
    await foldGroup(ledger, GROUP);
    await ledger.append(success("b"));
    await foldGroup(ledger, GROUP);
    writeFileSync(donePath(groupPaths(directory, GROUP), "run-b").path, "x");
    await expect(ledger.append(success("b"))).rejects.toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
  });

  test.each<{ name: string; content: string; code: string }>([
    { name: "damaged", content: "x", code: "ERR_LEDGER_CORRUPT" },
    { name: "nameless", content: "{}", code: "ERR_LEDGER_CORRUPT" },
    { name: "newer", content: '{"format":2,"ledger_id":"x"}', code: "ERR_LEDGER_FORMAT" },
  ])("a $name ledger.json refuses the whole ledger", async ({ content, code }) => {
    const { directory, ledger } = open();
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, "ledger.json"), content);
    await expect(ledger.append(success("a"))).rejects.toMatchObject({ code });
  });

  test("a damaged group.json and a damaged state say where they are", async () => {
    const { directory, ledger } = open();
    await ledger.append(success("a"));
    await ledger.writeState("x", { version: 1, value: 1 });
    writeFileSync(groupPaths(directory, GROUP).key, "x");
    const state = join("state", sha256("x").slice(0, 32), "0000000000000001");
    writeFileSync(join(directory, state), "x");
    const says = (what: string) => ({
      code: "ERR_LEDGER_CORRUPT",
      message: expect.stringContaining(what),
    });
    await expect(ledger.groups()).rejects.toMatchObject(says("group.json cannot be read"));
    await expect(ledger.readState("x")).rejects.toMatchObject(says(state));
  });
});

describe("an append that the disk fails", () => {
  test.each<{ name: string; fault: string; code: string }>([
    { name: "no space", fault: "ENOSPC", code: "ERR_LEDGER_FULL" },
    { name: "over quota", fault: "EDQUOT", code: "ERR_LEDGER_FULL" },
    { name: "another file system", fault: "EXDEV", code: "ERR_LEDGER_UNFIT" },
    { name: "no hard links", fault: "EPERM", code: "ERR_LEDGER_UNFIT" },
    { name: "a broken disk", fault: "EIO", code: "ERR_LEDGER_UNAVAILABLE" },
    { name: "too many open files", fault: "EMFILE", code: "ERR_LEDGER_UNAVAILABLE" },
  ])("with $name leaves nothing and can be repeated", async ({ fault, code }) => {
    for (const call of ["link", "sync"] as const) {
      const machine = faultyMachine();
      const { directory, ledger } = open(machine.fs);
      await ledger.append(success("before"));
      const before = filesOf(directory);
      machine.break(call, fault);
      await expect(ledger.append(success("a"))).rejects.toMatchObject({ code });
      expect(filesOf(directory)).toEqual(before);
      machine.mend();
      await ledger.append(success("a"));
      expect((await foldGroup(ledger, GROUP)).taken).toBe(2);
    }
  });

  test("by losing its answer counts once when it is repeated", async () => {
    const machine = faultyMachine();
    const { ledger } = open(machine.fs);
    await ledger.append(success("before"));
    machine.loseAnswers();
    await expect(ledger.append(success("a"))).rejects.toMatchObject({
      code: "ERR_LEDGER_UNAVAILABLE",
    });
    machine.mend();
    expect(await ledger.append(success("a"))).toEqual({ status: "present" });
    expect((await foldGroup(ledger, GROUP)).taken).toBe(2);
  });
});

describe("a place that is unfit", () => {
  test("on a system without POSIX files is refused", async () => {
    const { ledger } = open({ platform: "win32" });
    await expect(ledger.append(success("a"))).rejects.toMatchObject({ code: "ERR_LEDGER_UNFIT" });
  });

  test.each([0x6969, 0xff534d42, 0xff534d42 - 2 ** 32, 0x65735546, 0x01021997])(
    "of the file system type %p is refused",
    async (type) => {
      const { ledger } = open({ typeOf: async () => type });
      await expect(ledger.append(success("a"))).rejects.toMatchObject({ code: "ERR_LEDGER_UNFIT" });
    },
  );

  test("because it is a file is refused", async () => {
    const { directory, ledger } = open();
    writeFileSync(directory, "");
    await expect(ledger.append(success("a"))).rejects.toThrow(/is not a directory/);
  });

  test("is fit once it has been mended, in the same process", async () => {
    const { directory, ledger } = open();
    mkdirSync(directory);
    chmodSync(directory, 0o770);
    await expect(ledger.append(success("a"))).rejects.toThrow(/mode 770/);
    chmodSync(directory, 0o700);
    expect(await ledger.append(success("a"))).toEqual({ status: "appended" });
  });
});

describe("pruning", () => {
  test("forgets done marks of 30 days and what the killed left behind, and nothing younger", async () => {
    const now = Date.now() / 1000;
    const directory = stateDirectory();
    const ledger = createFileLedger({ directory, clock: manualClock(now) });
    for (let run = 0; run < 40; run++) await ledger.append(success(`r${run}`));
    await foldGroup(ledger, GROUP);
    const paths = groupPaths(directory, GROUP);
    const all = Array.from({ length: 40 }, (_, run) => donePath(paths, `run-r${run}`).path);
    for (const [index, path] of all.entries()) {
      const age = (index % 2 === 0 ? 30 : 29.9) * 86_400;
      utimesSync(path, now - age - 60, now - age - 60);
    }
    const dead = join(paths.pending, ".tmp-dead");
    const alive = join(paths.pending, ".tmp-alive");
    for (const path of [dead, alive]) writeFileSync(path, "");
    utimesSync(dead, now - 7200, now - 7200);

    // Each call has one of 256 directories as its turn.
    for (let version = 0; version <= 256 * 16; version++) await ledger.prune(GROUP, version);
    const left = filesOf(directory).filter((path) => path.includes("/d/"));
    expect(left).toHaveLength(20);
    expect(filesOf(paths.pending)).toEqual([".tmp-alive"]);
    unlinkSync(alive);
  });
});

function open(fs: Partial<FileSystem> = {}) {
  const directory = stateDirectory();
  return { directory, ledger: createFileLedger({ directory, fs }) };
}

/** A machine whose link or fsync can be broken. */
function faultyMachine() {
  let broken: { readonly call: "link" | "sync" | "answer"; readonly code: string } | undefined;
  const fail = (call: string) => {
    if (broken?.call === call) throw Object.assign(new Error(broken.code), { code: broken.code });
  };
  const { promises } = process.getBuiltinModule("node:fs");
  const fs: Partial<FileSystem> = {
    async link(existing, path) {
      fail("link");
      await promises.link(existing, path);
      fail("answer");
    },
    async sync(handle) {
      fail("sync");
      await handle.sync();
    },
  };
  return {
    fs,
    break: (call: "link" | "sync", code: string) => {
      broken = { call, code };
    },
    /** What is done is done, and the caller hears of a failure. */
    loseAnswers: () => {
      broken = { call: "answer", code: "EIO" };
    },
    mend: () => {
      broken = undefined;
    },
  };
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    .sort();
}
