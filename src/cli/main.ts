#!/usr/bin/env node
import { writeSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { VERSION } from "../version.ts";
import type { CheckFlags } from "./check.ts";
import { EXIT, explainFailure, type Io } from "./io.ts";
import type { AdoptFlags, RepairFlags, ShowFlags } from "./ledger.ts";
import type { PublishFlags } from "./publish.ts";
import type { ReplayFlags } from "./replay.ts";
import type { RunFlags } from "./run.ts";
import { addGatewayFlags, addGroupFlags, type GroupFlags } from "./target.ts";

/** Usage errors of `run`: 2 could be the child's own code. */
const RUN_USAGE = 125;

const io: Io = {
  env: process.env,
  cwd: process.cwd(),
  out(text) {
    process.stdout.once("error", ignoreClosedPipe).write(text);
  },
  // At once and not through process.stderr, whose errors come as events: a reader that has gone
  // must not change an exit code.
  err(text) {
    try {
      writeSync(2, withoutUserInfo(text));
    } catch {
      // Nobody reads us any more.
    }
  },
};

/** A reader that has seen enough, such as `head`, is no failure. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** A message may quote an argument, and a mistyped one may be a gateway's URL, password and all. */
function withoutUserInfo(text: string): string {
  return text.replace(/(:\/+)[^\s"]*@/g, "$1***@");
}

/** Each command is loaded when it is called: `run` does not pay for a gateway or a demo. */
function build(): Command {
  const program = new Command("closing-bell")
    .description("Right numbers from jobs that no longer exist.")
    .version(VERSION)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: (text) => io.err(text.replace(/^error: /, "closing-bell: ")),
    });

  addGroupFlags(program.command("run"))
    .summary("run a command and report how it ended")
    .description("Runs a command as a job and reports how it ended. Exits as the command does.")
    .argument("<command...>", "the command and its arguments, after --")
    .option(
      "--run-id <id>",
      "unit of work, e.g. a date: its success counts once, however often it runs",
    )
    .option("--settle", "wait until new series show their values (two scrape intervals)")
    .option("--json", "print the result as JSON, on standard error")
    .passThroughOptions()
    .addHelpText(
      "after",
      "\nExample:\n  closing-bell run -j nightly -g strategy=s -- python backtest.py",
    )
    .action(async (command: string[], flags: RunFlags) => {
      const { run } = await import("./run.ts");
      process.exitCode = await run(command, flags, io);
    });

  addGroupFlags(program.command("push"))
    .summary("push metrics from a file or standard input")
    .description("Checks text exposition format and pushes it as it is.")
    .argument("[file]", "file, or - for standard input", "-")
    .option("--method <method>", "put replaces the group, post the families that are given", "put")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  echo 'rows_total 7' | closing-bell push -j import -")
    .action(async (file: string, flags: GroupFlags & { method: string }) => {
      const { push } = await import("./push.ts");
      await push(file, flags, io);
    });

  addGroupFlags(program.command("delete"))
    .summary("delete a group from the gateway")
    .description("Deletes one group, exactly the one that the labels name.")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell delete -j import -g region=eu")
    .action(async (flags: GroupFlags) => {
      const { deleteGroup } = await import("./delete.ts");
      await deleteGroup(flags, io);
    });

  program
    .command("check")
    .summary("lint metrics from a file or standard input")
    .description("Lints text exposition format: names, types, units, and what push would refuse.")
    .argument("[file]", "file, or - for standard input", "-")
    .option("--json", "print the findings as JSON")
    .option("--quiet", "say nothing; the exit code says it")
    .addHelpText(
      "after",
      "\nExits with 3 when it finds something.\n\nExample:\n  curl -s localhost:8001/metrics | closing-bell check -",
    )
    .action(async (file: string, flags: CheckFlags) => {
      const { check } = await import("./check.ts");
      process.exitCode = await check(file, flags, io);
    });

  program
    .command("gateway")
    .summary("a Pushgateway for development and tests")
    .description("Starts the embedded Pushgateway. For development and tests; it keeps nothing.")
    .option("--listen <host:port>", "where to listen; port 0 takes a free one", "127.0.0.1:9091")
    .addHelpText("after", "\nExample:\n  closing-bell gateway --listen 127.0.0.1:9091")
    .action(async (flags: { listen: string }) => {
      const { gateway } = await import("./gateway.ts");
      await gateway(flags, io);
    });

  program
    .command("serve")
    .summary("serve /metrics for Prometheus to scrape")
    .description("Serves all 24 metrics with made-up values, to try dashboards and rules on.")
    .requiredOption("--demo", "made-up values that change every second")
    .option("--listen <host:port>", "where to listen; port 0 takes a free one", "127.0.0.1:8001")
    .addHelpText("after", "\nExample:\n  closing-bell serve --demo")
    .action(async (flags: { listen: string }) => {
      const { serveDemo } = await import("./serve.ts");
      await serveDemo(flags, io);
    });

  addGatewayFlags(program.command("publish"))
    .summary("publish what waits in the ledger, and heal the gateway")
    .description(
      "Publishes every group that has new runs, held values, or is missing or behind at the gateway. For cron, once a minute.",
    )
    .option("--settle", "go on until new series show their values (two scrape intervals)")
    .option("--json", "print the results as JSON")
    .addHelpText("after", "\nExample:\n  * * * * *  closing-bell publish --quiet")
    .action(async (flags: PublishFlags) => {
      const { publish } = await import("./publish.ts");
      process.exitCode = await publish(flags, io);
    });

  const ledger = program
    .command("ledger")
    .summary("look into the ledger, and mend it")
    .description(
      "The ledger keeps the totals of runs: CLOSING_BELL_LEDGER, CLOSING_BELL_STATE_DIR.",
    );
  ledger
    .command("show")
    .summary("totals, what waits, what was rejected, what gateways were told")
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--json", "print everything as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell ledger show")
    .action(async (flags: ShowFlags) => {
      const { showLedger } = await import("./ledger.ts");
      process.exitCode = await showLedger(flags, io);
    });
  ledger
    .command("repair")
    .summary("rebuild totals that cannot be read (ERR_LEDGER_CORRUPT)")
    .option(
      "--accept-gaps",
      "rebuild even when records are gone: totals will be lower than they were",
    )
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell ledger repair")
    .action(async (flags: RepairFlags) => {
      const { repairLedger } = await import("./ledger.ts");
      process.exitCode = await repairLedger(flags, io);
    });

  addGroupFlags(ledger.command("adopt"))
    .summary("take over a group that another ledger published (ERR_LEDGER_MISMATCH)")
    .description(
      "Lets a group's totals begin with what the gateway shows, adds what waits here, and publishes. Whoever published the group before must have stopped.",
    )
    .addOption(
      new Option(
        "--pending <what>",
        "runs of a restored backup that may have been counted before",
      ).choices(["count", "drop"]),
    )
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell ledger adopt -j nightly -g strategy=s")
    .action(async (flags: AdoptFlags) => {
      const { adoptLedgerGroup } = await import("./ledger.ts");
      process.exitCode = await adoptLedgerGroup(flags, io);
    });

  program
    .command("replay")
    .summary("commit run records from a log")
    .description("Commits the run records that a log holds. Each counts once, however often.")
    .argument("[file]", "log, or - for standard input", "-")
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--json", "print the result as JSON")
    .option("--quiet", "say nothing but errors")
    .addHelpText("after", "\nExample:\n  grep closing_bell job.log | closing-bell replay -")
    .action(async (file: string, flags: ReplayFlags) => {
      const { replayLog } = await import("./replay.ts");
      process.exitCode = await replayLog(file, flags, io);
    });

  addGatewayFlags(program.command("demo"))
    .summary("the whole way, from a backtest to what Prometheus scrapes")
    .description("Runs a backtest on real prices, pushes it, and shows what Prometheus would see.")
    .option("--prices <file>", "daily prices as CSV (date, open, close): a path or an https: URL")
    .option("--json", "print the same facts as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell demo --gateway http://127.0.0.1:9091")
    .action(async (flags) => {
      const { demo } = await import("./demo.ts");
      process.exitCode = await demo(flags, io);
    });

  return program;
}

async function main(argv: readonly string[]): Promise<void> {
  const usage = argv[2] === "run" ? RUN_USAGE : EXIT.usage;
  try {
    await build().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usage;
    else {
      const code = explainFailure(error, io);
      process.exitCode = code === EXIT.usage ? usage : code;
    }
  }
}

await main(process.argv);
