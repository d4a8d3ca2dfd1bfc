import { type Clock, systemClock } from "../clock.ts";
import type { Settings } from "../config/config.ts";
import type { GatewayAddress } from "../gateway-url.ts";
import { type FileSystem, realFileSystem } from "../ledger/file/file-system.ts";
import type { Lookup } from "../push/exchange.ts";
import { type CheckResult, createChecks, type Finding } from "./check.ts";
import {
  type DoctorContext,
  failed,
  millisecondsText,
  ok,
  sourceText,
  warning,
} from "./context.ts";
import { checkGatewayConnection } from "./gateway-connection.ts";
import { checkGatewayFacts } from "./gateway-facts.ts";
import { checkLedger } from "./ledger.ts";
import { checkLedgerPlace } from "./ledger-place.ts";
import { checkPrometheus } from "./prometheus.ts";

export type ExamineOptions = {
  readonly settings: Settings;
  /** Time for everything. Milliseconds. */
  readonly timeoutMs: number;
  readonly lookup: Lookup;
  /** Where Prometheus is, to see how it scrapes the gateway. */
  readonly prometheus?: GatewayAddress | undefined;
  readonly clock?: Clock;
  readonly pid?: number;
  /** Strange machines, for tests. */
  readonly fs?: Partial<FileSystem>;
  readonly nameServers?: readonly string[];
};

export type Examination = {
  /** Nothing failed. */
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
};

/** As long as a push takes at most. Milliseconds. */
const LONGEST_STEP_MS = 5000;

/**
 * Looks at everything that reporting needs, each thing by itself as far as that goes, and changes
 * nothing but for one file that it writes into the state directory and removes. Never rejects, and
 * ends when its time is over.
 */
export async function examine({
  settings,
  timeoutMs,
  prometheus,
  clock = systemClock,
  pid = process.pid,
  fs = {},
  ...others
}: ExamineOptions): Promise<Examination> {
  const deadline = new AbortController();
  const checks = createChecks(deadline.signal);
  const late = new Error(`not done within ${millisecondsText(timeoutMs)} (--timeout)`);
  const timer = setTimeout(() => deadline.abort(late), timeoutMs);
  const context: DoctorContext = {
    ...checks,
    ...others,
    settings,
    prometheus,
    clock,
    pid,
    fs: { ...realFileSystem, ...fs },
    deadline: deadline.signal,
    stepMs: Math.min(timeoutMs / 2, LONGEST_STEP_MS),
  };

  checks.check("config", {}, () => checkConfig(settings));
  const { named, client } = checkGatewayConnection(context);
  const { scrape, groups } = checkGatewayFacts(context, client);
  checkPrometheus(context, named, scrape);
  checkLedger(context, checkLedgerPlace(context), groups);
  checks.check("process.pid-1", {}, () => checkPid(pid));

  const results = await checks.results();
  clearTimeout(timer);
  return { ok: results.every(({ status }) => status !== "failed"), checks: results };
}

/** Every problem, or where each setting came from. */
function checkConfig(settings: Settings): Finding {
  const { problems, gateway, ledger, publish, scrapeIntervalSeconds } = settings;
  if (problems.length > 0) return failed(problems.join("; "));
  const named = {
    "gateway.url": gateway?.base.value === undefined ? undefined : gateway.base,
    "the credentials": gateway?.credentials,
    "gateway.caFile": gateway?.caFile,
    ledger,
    publish,
    scrapeIntervalSeconds,
  };
  const sources = new Map<string, string[]>();
  for (const [name, setting] of Object.entries(named)) {
    if (setting === undefined) continue;
    const source = sourceText(setting.origin);
    sources.set(source, [...(sources.get(source) ?? []), name]);
  }
  const said = [...sources].map(([source, names]) => `${names.join(", ")} ${source}`);
  return ok(`${said.join("; ")} (closing-bell config show --origin)`);
}

function checkPid(pid: number): Finding {
  return pid === 1
    ? warning(
        "this is process 1, to which the kernel gives no signal that it does not handle, and which must reap what its " +
          "children leave behind; start the container with docker run --init, in ECS with initProcessEnabled, " +
          "or with tini as its entry point",
      )
    : ok(`this is process ${pid}, not the init process`);
}
