import { describe, expect, test } from "@jest/globals";
import { type CatalogueJob, expectationsOf } from "../../src/mixin/expectations.ts";

describe("what a catalogue entry expects", () => {
  test("is one group of its labels and its mode", () => {
    const job: CatalogueJob = { mode: "live", labels: { region: "eu" }, maxAge: "26h" };
    expect(expectationsOf({ nightly: job })).toEqual([
      {
        job: "nightly",
        labels: { job: "nightly", mode: "live", region: "eu" },
        severity: "warning",
        schedule: undefined,
        maxAge: 93_600,
        maxDuration: 3600,
      },
    ]);
  });

  test("is one for each set of labels, each once, and none where none is listed", () => {
    const expect_ = [{ strategy: "a" }, { strategy: "b" }, { strategy: "a" }];
    const found = expectationsOf({
      nightly: { mode: "paper", expect: expect_ },
      adhoc: { expect: [] },
    });
    expect(found.map(({ labels }) => labels)).toEqual([
      { job: "nightly", mode: "paper", strategy: "a" },
      { job: "nightly", mode: "paper", strategy: "b" },
    ]);
  });
});

describe("the longest time without a run", () => {
  test.each<{ name: string; job: CatalogueJob; seconds: number | undefined }>([
    { name: "is maxAge", job: { maxAge: "5m", schedule: { rate: "1h" } }, seconds: 300 },
    { name: "is unknown without a schedule", job: { maxDuration: "1m" }, seconds: undefined },
    { name: "lets a minute's job be late by two", job: { schedule: { rate: "1m" } }, seconds: 180 },
    { name: "lets a job miss a run", job: { schedule: { rate: "10m" } }, seconds: 1500 },
    { name: "gives an hour at most", job: { schedule: { rate: "24h" } }, seconds: 90_000 },
    {
      name: "counts the time that a run takes",
      job: { schedule: { rate: "24h" }, maxDuration: "2h" },
      seconds: 97_200,
    },
    {
      name: "reaches over the weekend on which clocks are set back",
      job: {
        schedule: { cron: "30 17 * * MON-FRI", timeZone: "America/New_York" },
        maxDuration: "15m",
      },
      seconds: 73 * 3600 + 3600 + 900,
    },
  ])("$name", ({ job, seconds }) => {
    expect(expectationsOf({ nightly: job }).map(({ maxAge }) => maxAge)).toEqual([seconds]);
  });
});

describe("a catalogue that cannot be", () => {
  test.each<{ job: CatalogueJob; message: string }>([
    { job: { schedule: { cron: "99 * * * *" } }, message: "jobs.nightly: the schedule" },
    { job: { labels: { "a-b": "c" } }, message: 'jobs.nightly: label name "a-b" is not usable' },
    { job: { expect: [{ severity: "x" }] }, message: "label severity belongs to alerts" },
    { job: { labels: { job: "other" } }, message: "label job is given twice" },
    { job: { maxAge: "soon" }, message: '"soon" is no duration' },
  ])("$message", ({ job, message }) => {
    expect(() => expectationsOf({ nightly: job })).toThrow(message);
  });
});
