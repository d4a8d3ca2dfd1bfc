import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RecordError } from "../../src/errors.ts";
import { decodeRecord, encodeRecord } from "../../src/record/encoding.ts";
import { lateRecord, type RunRecord, sha256, startRecord } from "../../src/record/run-record.ts";
import { counter, GROUP, gauge, histogram, NIGHT, success } from "../support/run-records.ts";

const RECORD = success(
  "e1",
  [
    { ...counter("c_total", 0.1, { ticker: 'A"\\' }), help: "Zürich 📈" },
    histogram("h", [-0.5, 1.5]),
    gauge("kill_switch_status", -0),
  ],
  { runId: "2026-11-22", startedAt: NIGHT },
);

describe("an encoded record", () => {
  test.each<{ name: string; record: RunRecord }>([
    { name: "completion", record: RECORD },
    {
      name: "start",
      record: startRecord({
        groupingKey: GROUP,
        executionId: "a-b",
        startedAt: 1.5,
        families: [gauge("batch_job_last_start_timestamp_seconds", 1.5)],
      }),
    },
    {
      name: "late count",
      record: lateRecord({
        groupingKey: GROUP,
        executionId: "a-b",
        part: "c_d",
        at: 1,
        families: [counter("c_total", 1e15)],
      }),
    },
  ])("of a $name reads back as it was", ({ record }) => {
    expect(decodeRecord(encodeRecord(record))).toEqual({ status: "record", record });
  });

  test("is this text, byte for byte: other versions and other languages rely on it", () => {
    expect(`${encodeRecord(RECORD)}`).toBe(
      `{"format":1,"id":"unit-${sha256("2026-11-22")}","type":"completion",` +
        '"group":{"job":"nightly","labels":{"mode":"backtest"}},"executionId":"e1",' +
        `"runId":"2026-11-22","outcome":"succeeded","startedAt":${NIGHT},"time":${NIGHT + 1},"families":[` +
        '{"type":"counter","name":"c_total","help":"Zürich 📈","samples":[{"labels":{"ticker":"A\\"\\\\"},"value":"100000000"}]},' +
        '{"type":"histogram","name":"h","bounds":[1,2],"samples":[{"labels":{},"counts":["1","1","0"],"sum":"1000000000"}]},' +
        '{"type":"gauge","name":"kill_switch_status","kind":"status","samples":[{"labels":{},"value":0}]}]}',
    );
  });

  test("of more than 1 MB is refused, and its largest family named", () => {
    const samples = Array.from({ length: 30_000 }, (_, n) => ({ labels: { n: `${n}` }, value: n }));
    const record = success("e", [{ type: "counter", name: "huge_total", samples }]);
    expect(() => encodeRecord(record)).toThrow(/more than 1000000.*huge_total with 30000/);
  });

  test("of another format is left alone, whatever else it holds", () => {
    const decoded = decodeRecord(Buffer.from('{"format":2,"new":["things"]}'));
    expect(decoded).toEqual({ status: "unknown_format", format: 2 });
  });
});

describe("bytes that are no record are refused", () => {
  const text = `${encodeRecord(RECORD)}`;
  test.each<{ name: string; bytes: string }>([
    { name: "nothing", bytes: "" },
    { name: "half a record", bytes: text.slice(0, 200) },
    { name: "a number", bytes: "1" },
    { name: "null", bytes: "null" },
    { name: "no content", bytes: '{"format":1}' },
    { name: "another id", bytes: text.replace("unit-", "unit_") },
    { name: "an id of another unit", bytes: text.replace('"2026-11-22"', '"2026-11-23"') },
    { name: "an execution that is a number", bytes: text.replace('"e1"', "1") },
    { name: "an outcome that is none", bytes: text.replace("succeeded", "maybe") },
    { name: "a type that is none", bytes: text.replace('"completion"', '"end"') },
    {
      name: "a type and id that are none",
      bytes: text
        .replace(/"unit-[0-9a-f]+","type":"completion"/, '"end","type":"end"')
        .replace('"outcome":"succeeded",', ""),
    },
    { name: "an amount that is a number", bytes: text.replace('"100000000"', "100000000") },
    { name: "a negative amount", bytes: text.replace('"100000000"', '"-1"') },
    { name: "an amount beyond 1e15", bytes: text.replace('"100000000"', `"1${"0".repeat(25)}"`) },
    { name: "an amount with a zero in front", bytes: text.replace('"100000000"', '"01"') },
    { name: "an amount in hexadecimal", bytes: text.replace('"100000000"', '"0x1"') },
    { name: "buckets that are missing", bytes: text.replace('["1","1","0"]', '["1"]') },
    { name: "bounds out of order", bytes: text.replace("[1,2]", "[2,1]") },
    { name: "a gauge that is text", bytes: text.replace('"value":0', '"value":"0"') },
    { name: "a kind that is none", bytes: text.replace('"status"', '"state"') },
    { name: "a reserved metric", bytes: text.replace("kill_switch_status", "push_time_seconds") },
    { name: "the grouping label", bytes: text.replace('"ticker"', '"mode"') },
    { name: "a label value that is a number", bytes: text.replace(/"A[^}]*"/, "1") },
    { name: "families out of order", bytes: text.replace('"c_total"', '"z_total"') },
    { name: "help that is a number", bytes: text.replace('"Zürich 📈"', "1") },
    { name: "something more", bytes: text.replace('{"format"', '{"x":1,"format"') },
    { name: "another spelling", bytes: text.replace(":1,", ": 1,") },
    { name: "a time that is none", bytes: text.replace(`"time":${NIGHT + 1}`, '"time":-1') },
    { name: "a prototype", bytes: text.replace('"ticker"', '"__proto__"') },
  ])("$name", ({ bytes }) => {
    expect(() => decodeRecord(Buffer.from(bytes))).toThrow(RecordError);
  });

  test("and so is any change of a character, or it says the same", () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 2 }), (at, instead) => {
        const changed = Buffer.from(text.slice(0, at) + instead + text.slice(at + 1));
        try {
          const decoded = decodeRecord(changed);
          if (decoded.status === "record") {
            expect(encodeRecord(decoded.record).equals(changed)).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RecordError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
