import { reportingHandler } from "../../src/lambda.ts";

/** What a test asks of the function below. */
export type Errand = {
  /** Names the unit of work. */
  readonly runId?: string;
  readonly does:
    | "returns"
    | "throws"
    /** Waits, and ends when its signal tells it to. */
    | "heeds its signal"
    /** Waits for ever, and keeps its process alive. */
    | "ignores its signal"
    /** Waits for nothing that could happen: without anything to do, Node ends. */
    | "waits for nothing"
    /** Leaves no turn to anybody else. */
    | "blocks"
    /** Ends the process. */
    | "exits"
    /** Goes on after its answer, which is how often it went on since it was asked before. */
    | "leaves work behind"
    /** Works for so many milliseconds. */
    | "takes its time";
  readonly forMs?: number;
};

let stepsLeftBehind = 0;

/** A function whose body does what the event says, having counted one analysis. */
export const handler = reportingHandler<Errand, string>(
  { job: "errands", runId: ({ runId }) => runId },
  async ({ does, forMs = 0 }, _context, { metrics, signal }) => {
    metrics.agentAnalysesTotal.inc();
    switch (does) {
      case "returns":
        return "done";
      case "throws":
        throw new RangeError("the market is closed");
      case "heeds its signal":
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      case "ignores its signal":
        return new Promise(() => setInterval(() => {}, 1000));
      case "waits for nothing":
        return new Promise(() => {});
      case "blocks":
        for (;;);
      case "exits":
        return process.exit(3);
      case "leaves work behind": {
        const steps = stepsLeftBehind;
        setInterval(() => stepsLeftBehind++, 5).unref();
        return `${steps}`;
      }
      case "takes its time":
        await new Promise((resolve) => setTimeout(resolve, forMs));
        return "done";
      default:
        return does satisfies never;
    }
  },
);
