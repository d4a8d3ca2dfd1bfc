#!/usr/bin/env node
import { writeSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { VERSION } from "../version.ts";
import type { CheckFlags } from "./check.ts";
import type { ConfigFlags } from "./config.ts";
import type { DeleteFlags } from "./delete.ts";
import type { DoctorFlags } from "./doctor.ts";
import { timerDuration } from "./duration.ts";
import { EXIT, explainFailure, type Io, withoutUserInfo } from "./io.ts";
import type { AdoptFlags, RepairFlags, ShowFlags } from "./ledger.ts";
import type { MixinFlags } from "./mixin.ts";
import type { PruneFlags } from "./prune.ts";
import type { PublishFlags } from "./publish.ts";
import type { PushResultsFlags } from "./push-results.ts";
import type { RemoveFlags } from "./remove.ts";
import type { ReplayFlags } from "./replay.ts";
import type { ReportFlags } from "./report.ts";
import type { RunFlags } from "./run.ts";
import type { ServeFlags } from "./serve.ts";
import { addGatewayFlags, addGroupFlags, type GatewayFlags, type GroupFlags } from "./target.ts";

/** Usage errors of `run`: 2 could be the child's own code. */
const RUN_USAGE = 125;

const io: Io = {
  env: process.env,
  cwd: workingFolder(),
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

/** A job may run in a folder that was removed, or replaced by another one of the same name. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env["PWD"] ?? "/";
  }
}

/** A reader that has seen enough, such as `head`, is no failure. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/**
 * Each command is loaded when it is called: `run` does not pay for a gateway or a demo. (The file is over
 * 250 lines because it is a list: one entry a command.)
 */
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
    .addOption(
      new Option(
        "--timeout <duration>",
        "end the command with SIGTERM after this long and exit with 124; e.g. 90s, 15m, 2h",
      ).argParser(timerDuration("--timeout")),
    )
    .addOption(
      new Option(
        "--kill-after <duration>",
        "kill it this long after it was asked to end; 0 is never",
      )
        .argParser(timerDuration("--kill-after"))
        .default(20_000, "20s"),
    )
    .addOption(
      new Option("--push-deadline <duration>", "longest time that the report takes in the end")
        .argParser(timerDuration("--push-deadline", { min: 1, max: 3_600_000 }))
        .default(5000, "5s"),
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

  addGroupFlags(program.command("push-results"))
    .summary("report what a backtester left behind")
    .description(
      "Reads the result file of a backtester and reports it as a run of the job: portfolio, trades, win rate, Sharpe ratio, start and end. What the file does not say is left out; a file that contradicts itself is refused. The same file counts once.",
    )
    .argument("<file>", "JSON, CSV, a zip of freqtrade, or its .last_result.json")
    .addOption(
      new Option("--format <format>", "who wrote it; auto goes by its looks")
        .choices(["auto", "freqtrade", "lean", "backtesting.py", "vectorbt", "generic"])
        .default("auto"),
    )
    .option("--strategy <name>", "the strategy, of a freqtrade file with several")
    .option("--mapping <file>", "for any other backtester: JSON that says what is where")
    .option("--max-size <size>", "largest file, and largest JSON in a zip (default: 64MB)")
    .option("--run-id <id>", "unit of work instead of the file's content: it counts once")
    .option("--json", "print what was read and reported, and the peak memory, as JSON")
    .addHelpText(
      "after",
      "\nThe group gets the label mode=backtest unless it has a mode.\n\nExample:\n  closing-bell push-results user_data/backtest_results/.last_result.json -j nightly -g strategy=s",
    )
    .action(async (file: string, flags: PushResultsFlags) => {
      const { pushResults } = await import("./push-results.ts");
      process.exitCode = await pushResults(file, flags, io);
    });

  addGroupFlags(program.command("delete"))
    .summary("delete a group from the gateway")
    .description("Deletes one group, exactly the one that the labels name. Asks at a terminal.")
    .option("--yes", "do not ask")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell delete -j import -g region=eu")
    .action(async (flags: DeleteFlags) => {
      const { deleteGroup } = await import("./delete.ts");
      process.exitCode = await deleteGroup(flags, io);
    });

  const groups = program
    .command("groups")
    .summary("look at the gateway's groups, and remove them")
    .description("A group is what was pushed under one job and its grouping labels.");
  addGatewayFlags(groups.command("ls"))
    .summary("every group: series, last push, whether it failed, which ledger publishes it")
    .option("--json", "print the groups as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell groups ls")
    .action(async (flags: GatewayFlags) => {
      const { listGroups } = await import("./groups.ts");
      await listGroups(flags, io);
    });
  addGroupFlags(groups.command("show"))
    .summary("what was pushed to one group, as text exposition format")
    .option("--json", "print the metric families as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell groups show -j import -g region=eu")
    .action(async (flags: GroupFlags) => {
      const { showGroup } = await import("./groups.ts");
      process.exitCode = await showGroup(flags, io);
    });
  addGroupFlags(groups.command("rm"))
    .summary("remove one group for good")
    .description(
      "Removes one group for good. One that the ledger publishes would come back, so its totals are removed too, with --forget: it begins at 0 when its job runs again.",
    )
    .option("--forget", "remove the group's totals from the ledger as well")
    .option("--yes", "do not ask; needed where there is no terminal")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell groups rm -j import -g region=eu")
    .action(async (flags: RemoveFlags) => {
      const { removeFromGateway } = await import("./remove.ts");
      process.exitCode = await removeFromGateway(flags, io);
    });

  addGatewayFlags(program.command("prune"))
    .summary("remove the groups that nobody reports to any more")
    .description(
      "Lists the groups whose last push was too long ago; with --yes it removes them. Of a ledger's group its last run counts, not its last push.",
    )
    .requiredOption("--older-than <duration>", "age from which on a group goes, e.g. 7d")
    .addOption(
      new Option("-j, --job <name>", "only groups of this job (repeatable)").argParser(
        (name, before: readonly string[] = []) => [...before, name],
      ),
    )
    .option("--yes", "remove them; without it nothing is removed")
    .option("--json", "print the groups as JSON")
    .addHelpText("after", "\nExample:\n  closing-bell prune --older-than 30d -j backtest --yes")
    .action(async (flags: PruneFlags) => {
      const { prune } = await import("./prune.ts");
      process.exitCode = await prune(flags, io);
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
    .description(
      "Serves the totals of the ledger, so that Prometheus needs no gateway; or all 24 metrics with made-up values, to try dashboards and rules on.",
    )
    .option("--ledger", "every group's totals, as they are at the scrape")
    .option("--demo", "made-up values that change every second")
    .option("--listen <host:port>", "where to listen; port 0 takes a free one", "127.0.0.1:8001")
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--quiet", "say nothing but errors")
    .addHelpText("after", "\nExample:\n  closing-bell serve --ledger --listen 127.0.0.1:8001")
    .action(async (flags: ServeFlags) => {
      const { serve } = await import("./serve.ts");
      await serve(flags, io);
    });

  addGatewayFlags(program.command("report"))
    .summary("read portfolio and health, push them, publish what waits")
    .description(
      "Reads the sources that closing-bell.json names and pushes what is known of them; then publishes what waits in the ledger, heals the gateway and removes what is dead. Once, or every so often until a signal ends it.",
    )
    .option("--every <duration>", "again and again, e.g. 60s")
    .option("--reset-high-water-mark", "first begin the drawdown anew, on purpose")
    .option("--json", "one line of JSON a look, on standard output")
    .addHelpText("after", "\nExample:\n  closing-bell report --every 60s")
    .action(async (flags: ReportFlags) => {
      const { report } = await import("./report.ts");
      process.exitCode = await report(flags, io);
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

  addGatewayFlags(program.command("doctor"))
    .summary("look at everything that reporting needs, and say what to do")
    .description(
      "Looks at configuration, gateway, ledger and Prometheus, one line for each check. Changes nothing, but for a file that it writes into the state directory and removes.",
    )
    .option("--prometheus <url>", "the Prometheus that scrapes the gateway, to see how it does")
    .addOption(
      new Option("--timeout <duration>", "longest time for everything")
        .argParser(timerDuration("--timeout", { min: 1 }))
        .default(10_000, "10s"),
    )
    .option("--json", "print the checks as JSON")
    .addHelpText(
      "after",
      "\nExits with 1 when something failed; a warning is no failure.\n\nExample:\n  closing-bell doctor --prometheus http://127.0.0.1:9090",
    )
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import("./doctor.ts");
      process.exitCode = await doctor(flags, io);
    });

  program
    .command("mixin")
    .summary("write rules, alerts and dashboards for the job catalogue")
    .description(
      "Writes recording rules, alerts, promtool tests of them and Grafana dashboards, for the jobs that closing-bell.json names. The same catalogue gives the same bytes.",
    )
    .option("--out <folder>", "where rules, tests and dashboards go", "prometheus")
    .option("--check", "write nothing; exit with 1 and name the files that are not up to date")
    .option("--runbooks <url>", "where alerts find their runbooks: <url>/<alert>.md")
    .option("--grafana <url>", "base URL of the Grafana that alerts link to")
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--json", "print the files as JSON")
    .option("--quiet", "say nothing but errors")
    .addHelpText("after", "\nExample:\n  closing-bell mixin --out prometheus --check")
    .action(async (flags: MixinFlags) => {
      const { mixin } = await import("./mixin.ts");
      process.exitCode = await mixin(flags, io);
    });

  const config = program
    .command("config")
    .summary("the configuration in effect")
    .description(
      "Flags override the environment, which overrides the project's and the user's file.",
    );
  config
    .command("show")
    .summary("every setting, its value, and where it came from")
    .option(
      "--origin",
      "say where each value came from: flag, variable, file, SSM parameter or default",
    )
    .option("--gateway <url>", "base URL of the Pushgateway (or PUSHGATEWAY_URL)")
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--json", "print values and origins as JSON")
    .addHelpText(
      "after",
      "\nSecrets are never printed.\n\nExample:\n  closing-bell config show --origin",
    )
    .action(async (flags: ConfigFlags) => {
      const { showConfig } = await import("./config.ts");
      process.exitCode = await showConfig(flags, io);
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
