import { describe, expect, test } from "@jest/globals";
import { checkClock } from "../../src/doctor/clock-skew.ts";

/** 2026-11-23T12:00:00Z, in Unix seconds. */
const NOON = Date.parse("2026-11-23T12:00:00Z") / 1000;

describe("clocks", () => {
  test.each<{ name: string; date: number; sentAt: number; receivedAt: number; status: string }>([
    { name: "that are the same", date: 0, sentAt: 0.3, receivedAt: 0.31, status: "ok" },
    { name: "within the header's second", date: 0, sentAt: 5.9, receivedAt: 5.95, status: "ok" },
    { name: "whose answer took long", date: 0, sentAt: -20, receivedAt: 20, status: "ok" },
    { name: "5 s apart", date: 5, sentAt: 0, receivedAt: 0.1, status: "ok" },
    { name: "6 s apart, theirs ahead", date: 6, sentAt: 0, receivedAt: 0.1, status: "warning" },
    { name: "7 s apart, theirs behind", date: 0, sentAt: 7, receivedAt: 7.1, status: "warning" },
  ])("$name: $status", ({ date, sentAt, receivedAt, status }) => {
    const header = new Date((NOON + date) * 1000).toUTCString();
    const times = { sentAt: NOON + sentAt, receivedAt: NOON + receivedAt };

    expect(checkClock("the gateway", header, times).status).toBe(status);
  });

  test.each([
    { offset: 3600, said: "the clock of the gateway is 60 minutes ahead of this host's: " },
    { offset: -90, said: "the clock of the gateway is 89 s behind this host's: " },
  ])("are told apart by how much and which way: $said", ({ offset, said }) => {
    const header = new Date((NOON + offset) * 1000).toUTCString();

    const { message } = checkClock("the gateway", header, { sentAt: NOON, receivedAt: NOON });

    expect(message).toMatch(new RegExp(`^${said}`));
    expect(message).toContain("NTP");
  });

  test.each([undefined, "", "yesterday"])("that are not told (%s) are not guessed at", (date) => {
    const times = { sentAt: NOON, receivedAt: NOON };

    expect(checkClock("the gateway", date, times).status).toBe("skipped");
  });
});
