import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { type Check, createChecks, type Finding } from "../../src/doctor/check.ts";

const never = new AbortController().signal;

describe("a check", () => {
  test("gives its value to those that need it, and results come in the order of their names", async () => {
    const { check, results } = createChecks(never);
    const first = check("first", {}, async () => {
      await sleep(5);
      return { status: "ok", message: "one", value: 1 };
    });
    const second = check("second", {}, () => ({ status: "warning", message: "two", value: 2 }));
    check("third", { first, second }, ({ first, second }) => ({
      status: "ok",
      message: `${first + second}`,
    }));

    expect(await results()).toEqual([
      { name: "first", status: "ok", message: "one" },
      { name: "second", status: "warning", message: "two" },
      { name: "third", status: "ok", message: "3" },
    ]);
  });

  test("is skipped when what it needs has failed, and names where that began", async () => {
    const { check, results } = createChecks(never);
    const root: Check<string> = check("root", {}, () => ({ status: "failed", message: "gone" }));
    const middle = check("middle", { root }, ({ root }) => ({
      status: "ok",
      message: root,
      value: root,
    }));
    check("leaf", { middle }, ({ middle }) => ({ status: "ok", message: middle }));

    expect((await results()).slice(1)).toEqual([
      { name: "middle", status: "skipped", message: "needs root" },
      { name: "leaf", status: "skipped", message: "needs root" },
    ]);
  });

  test("is skipped for the reason that one gives who is well and has no value", async () => {
    const { check, results } = createChecks(never);
    const root = check(
      "root",
      {},
      (): Finding<string> => ({ status: "ok", message: "none", without: "there is none" }),
    );
    check("leaf", { root }, () => ({ status: "ok", message: "" }));

    expect((await results())[1]).toEqual({
      name: "leaf",
      status: "skipped",
      message: "there is none",
    });
  });

  test("that throws has failed, in one line and without what a terminal obeys", async () => {
    const { check, results } = createChecks(never);
    check("a", {}, () => {
      throw new Error("first\n\u001b[31msecond\u0007");
    });
    check("b", {}, async () => Promise.reject(new Error("later")));

    expect(await results()).toEqual([
      { name: "a", status: "failed", message: "first [31msecond" },
      { name: "b", status: "failed", message: "later" },
    ]);
  });

  test("that is not done in time has failed; what it says by itself until then stands", async () => {
    const deadline = new AbortController();
    const { check, results } = createChecks(deadline.signal);
    check("hangs", {}, () => new Promise<Finding>(() => {}));
    check("listens", {}, () => {
      return new Promise<Finding>((resolve) => {
        deadline.signal.addEventListener("abort", () =>
          resolve({ status: "failed", message: "the disk does not answer" }),
        );
      });
    });
    check("is quick", {}, () => ({ status: "ok", message: "" }));
    setTimeout(() => deadline.abort(new Error("not done in time")), 20);

    expect(await results()).toEqual([
      { name: "hangs", status: "failed", message: "not done in time" },
      { name: "listens", status: "failed", message: "the disk does not answer" },
      { name: "is quick", status: "ok", message: "" },
    ]);
  });
});
