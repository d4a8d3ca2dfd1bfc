import { describe, expect, test } from "@jest/globals";
import { fileSchema } from "../../src/config/file-schema.ts";

describe("prune is refused", () => {
  test.each<{ value: object; problem: string }>([
    { value: {}, problem: "prune needs olderThanDays and jobs" },
    { value: { olderThanDays: 7 }, problem: "prune needs jobs" },
    {
      value: { olderThanDays: 0, jobs: [] },
      problem: "prune.olderThanDays must be a number of days above 0",
    },
    {
      value: { olderThanDays: 7, jobs: ["a", ""] },
      problem: "prune.jobs[1] must be the name of a job",
    },
    {
      value: { olderThanDays: 7, jobs: "a" },
      problem: "prune.jobs must be a list, each the name of a job",
    },
  ])("$problem", ({ value, problem }) => {
    const problems: string[] = [];
    fileSchema.read({ prune: value }, "", problems);
    expect(problems).toEqual([problem]);
  });
});
