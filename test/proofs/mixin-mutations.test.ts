import { expect, jest, test } from "@jest/globals";
import { generateMixin, type MixinFile, ruleTestFiles } from "../../src/mixin/mixin.ts";
import type { RuleTestFile } from "../../src/mixin/rule-test.ts";
import { promtool, withMixin } from "../mixin/promtool.ts";
import { ALERT_NAMES, CATALOGUE } from "../mixin/shipped.ts";
import { printTable } from "../support/print-table.ts";
import { describeWithServer } from "../support/servers.ts";

jest.setTimeout(600_000);

/** One change to one rule, such as somebody could make by mistake. `from` stands in the file. */
type Mutation = {
  readonly subject: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
};

const MUTATIONS: readonly Mutation[] = [
  {
    subject: "trading",
    what: "the kill switch of a backtest wakes people",
    from: 'kill_switch_status{mode="live"}[1h]',
    to: "kill_switch_status[1h]",
  },
  {
    subject: "trading",
    what: "the kill switch waits a minute",
    from: 'last_over_time(kill_switch_status{mode="live"}[1h]) == 1\'\n',
    to: 'last_over_time(kill_switch_status{mode="live"}[1h]) == 1\'\n        for: 1m\n',
  },
  {
    subject: "trading",
    what: "the kill switch forgets after 5 minutes",
    from: 'kill_switch_status{mode="live"}[1h]',
    to: 'kill_switch_status{mode="live"}[5m]',
  },
  {
    subject: "trading",
    what: "the kill switch is guarded by freshness",
    from: "[1h]) == 1'",
    to: "[1h]) == 1 unless group:batch_job_age_seconds:overdue'",
  },
  { subject: "trading", what: "drawdown at -8 % fires", from: ") < -8", to: ") <= -8" },
  { subject: "trading", what: "the limit of the drawdown is -9 %", from: ") < -8", to: ") < -9" },
  {
    subject: "trading",
    what: "a drawdown of a backtest fires",
    from: 'max_drawdown_pct{mode="live"}',
    to: "max_drawdown_pct",
  },
  {
    subject: "trading",
    what: "the largest drawdown, though there is one of now",
    from: 'last_over_time(current_drawdown_pct{mode="live"}[5m])\n              or ',
    to: "",
  },
  {
    subject: "trading",
    what: "a drawdown that nobody refreshes",
    from: ") < -8\n            unless group:batch_job_age_seconds:overdue",
    to: ") < -8",
  },
  {
    subject: "trading",
    what: "a drawdown starts anew with each scrape that fails",
    from: 'last_over_time(max_drawdown_pct{mode="live"}[5m])',
    to: 'max_drawdown_pct{mode="live"}',
  },
  {
    subject: "trading",
    what: "a drawdown waits 10 minutes",
    from: "for: 5m\n        keep",
    to: "for: 10m\n        keep",
  },
  {
    subject: "trading",
    what: "a drawdown ends at once",
    from: "        keep_firing_for: 10m\n",
    to: "",
  },
  {
    subject: "trading",
    what: "nothing left is no loss",
    from: 'portfolio_total_value{mode="live"}[5m]) <= 0',
    to: 'portfolio_total_value{mode="live"}[5m]) < 0',
  },
  {
    subject: "trading",
    what: "databases without a name",
    from: '"database", "redis"',
    to: '"database", "timescale"',
  },
  { subject: "trading", what: "a database waits no 2 minutes", from: "for: 2m", to: "for: 0s" },
  {
    subject: "ai",
    what: "cost by the second",
    from: "increase(ai_api_cost_usd_total[1h])",
    to: "rate(ai_api_cost_usd_total[1h])",
  },
  {
    subject: "ai",
    what: "cost of one job alone",
    from: "sum(job:ai_api_cost_usd:increase1h) > 0.50",
    to: "max(job:ai_api_cost_usd:increase1h) > 0.50",
  },
  { subject: "ai", what: "0.49 USD an hour", from: "> 0.50", to: "> 0.49" },
  {
    subject: "ai",
    what: "jobs that spent nothing",
    from: "increase1h > 0\n",
    to: "increase1h >= 0\n",
  },
  {
    subject: "ai",
    what: "exactly 80 % is too little",
    from: "ratio_increase1h < 0.8",
    to: "ratio_increase1h <= 0.8",
  },
  {
    subject: "ai",
    what: "lookups that are not whole",
    from: "round(sum by (job, mode) (increase(cache_misses_total[1h])))",
    to: "sum by (job, mode) (increase(cache_misses_total[1h]))",
  },
  {
    subject: "ai",
    what: "no hits is no rate",
    from: "(job_mode:cache_hits:increase1h or 0 * job_mode:cache_misses:increase1h)\n",
    to: "job_mode:cache_hits:increase1h\n",
  },
  {
    subject: "freshness",
    what: "freshness by push",
    from: "max_over_time(batch_job_last_completion_timestamp_seconds[1h])",
    to: "max_over_time(push_time_seconds[1h])",
  },
  {
    subject: "freshness",
    what: "completions are gone with a scrape that fails",
    from: "max_over_time(batch_job_last_completion_timestamp_seconds[1h])",
    to: "batch_job_last_completion_timestamp_seconds",
  },
  {
    subject: "freshness",
    what: "the reporter's figures are never old",
    from: 'time() - max_over_time(push_time_seconds{job="portfolio_reporter"}[1h]) > 300',
    to: 'time() - max_over_time(push_time_seconds{job="portfolio_reporter"}[1h]) > 300000',
  },
  {
    subject: "freshness",
    what: "jobs in no catalogue are never old",
    from: "> 93600",
    to: "> 9360000",
  },
  {
    subject: "jobs",
    what: "the newest of a job's groups hides the dead one",
    from: 'max(group:batch_job_last_completion_timestamp_seconds:max1h{job="backtest",mode="backtest",strategy="momentum-20d"})',
    to: 'max(group:batch_job_last_completion_timestamp_seconds:max1h{job="backtest"})',
  },
  { subject: "jobs", what: "Monday morning", from: "vector(267300)", to: "vector(180000)" },
  {
    subject: "jobs",
    what: "a job that never succeeded is forgotten",
    from: "\n            or (group:batch_job_last_completion_timestamp_seconds:max1h unless max_over_time(batch_job_last_success_timestamp_seconds[1h]))",
    to: "",
  },
  {
    subject: "jobs",
    what: "failing goes on when the job is dead",
    from: "\n            unless\n              time() - expectation:batch_job_last_failure_timestamp_seconds:max > expectation:batch_job_age_seconds:limit",
    to: "",
  },
  {
    subject: "jobs",
    what: "one failure is told at once",
    from: "for: 15m\n        labels:\n          severity: '{{ $labels.severity }}'\n          job: '{{ $labels.job }}'\n        annotations:\n          summary: '{{ $labels.job }} does not succeed",
    to: "for: 1m\n        labels:\n          severity: '{{ $labels.severity }}'\n          job: '{{ $labels.job }}'\n        annotations:\n          summary: '{{ $labels.job }} does not succeed",
  },
  {
    subject: "jobs",
    what: "what is new in the catalogue is late at once",
    from: "offset 267300s",
    to: "offset 60s",
  },
  { subject: "jobs", what: "a run may take all day", from: "vector(900)", to: "vector(86400)" },
  {
    subject: "jobs",
    what: "a budget that burns faster",
    from: "ratio_avg1h > 0.144",
    to: "ratio_avg1h > 0.12",
  },
  {
    subject: "jobs",
    what: "a warning wakes people",
    from: "severity: '{{ $labels.severity }}'",
    to: "severity: critical",
  },
  {
    subject: "sources",
    what: "the kill switch's source is a warning",
    from: "for: 2m\n        labels:\n          severity: critical",
    to: "for: 2m\n        labels:\n          severity: warning",
  },
  {
    subject: "sources",
    what: "a paper account wakes people",
    from: 'push_time_seconds{job="portfolio_reporter",mode="live"}',
    to: 'push_time_seconds{job="portfolio_reporter"}',
  },
  {
    subject: "sources",
    what: "a source of a reporter that is silent",
    from: "\n            unless ignoring (source) group:batch_job_age_seconds:overdue",
    to: "",
  },
  {
    subject: "sources",
    what: "a reporter that never was is not missed",
    from: 'absent_over_time(push_time_seconds{job="portfolio_reporter"}[1h])',
    to: "absent_over_time(push_time_seconds[1h])",
  },
  {
    subject: "publishing",
    what: "one scrape that fails is an outage",
    from: 'max_over_time(up{job="pushgateway"}[3m])',
    to: 'min_over_time(up{job="pushgateway"}[3m])',
  },
  {
    subject: "publishing",
    what: "a gateway that nobody scrapes",
    from: ' or absent(up{job="pushgateway"})',
    to: "",
  },
  {
    subject: "publishing",
    what: "the first refusal is not seen",
    from: 'max_over_time(pushgateway_http_requests_total{handler="push",code!~"2.."}[1h] offset 10m)',
    to: 'max_over_time(pushgateway_http_requests_total{handler="push",code!~"2.."}[1h])',
  },
  {
    subject: "publishing",
    what: "an outage is a refusal",
    from: 'unless max_over_time(pushgateway_http_requests_total{handler="push",code!~"2.."}[1h] offset 10m)',
    to: 'unless pushgateway_http_requests_total{handler="push",code!~"2.."} offset 10m',
  },
  { subject: "publishing", what: "pushes that were taken", from: 'code!~"2.."', to: 'code!~"200"' },
  {
    subject: "publishing",
    what: "one group of a job hides the other",
    from: "max_over_time(push_failure_time_seconds[5m]) > max_over_time(push_time_seconds[5m])",
    to: "max by (job) (push_failure_time_seconds) > max by (job) (push_time_seconds)",
  },
  { subject: "publishing", what: "runs that wait for an hour", from: "> 600", to: "> 3600" },
  {
    subject: "publishing",
    what: "conflicts of a reporter that is silent",
    from: "conflicting_groups[5m]) > 0\n            unless group:batch_job_age_seconds:overdue",
    to: "conflicting_groups[5m]) > 0",
  },
  {
    subject: "publishing",
    what: "what was rejected is told for an hour",
    from: "closing_bell_rejected_records_total[1d]",
    to: "closing_bell_rejected_records_total[1h]",
  },
  {
    subject: "meta",
    what: "a watchdog that does not bark",
    from: "vector(1)",
    to: "vector(1) > 1",
  },
];

describeWithServer("promtool")("the tests of the rules", () => {
  const files = generateMixin(CATALOGUE);
  const testFiles = ruleTestFiles(CATALOGUE);

  test("catch every change to a rule", async () => {
    const escaped: string[] = [];
    // promtool works on one core, and there are two.
    const queue = [...MUTATIONS];
    const work = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (!(await isCaught(next))) escaped.push(`${next.subject}: ${next.what}`);
      }
    };
    await Promise.all([work(), work()]);

    const count = testFiles.reduce((sum, { tests }) => sum + tests.length, 0);
    const caught = MUTATIONS.length - escaped.length;
    const figures = `alerts ${ALERT_NAMES.length}, unit tests ${count}, mutations caught ${caught}/${MUTATIONS.length}`;
    printTable(
      figures,
      ["subject", "mutations"],
      [...new Set(MUTATIONS.map(({ subject }) => subject))].map((subject) => [
        subject,
        `${MUTATIONS.filter((each) => each.subject === subject).length}`,
      ]),
    );
    expect(escaped).toEqual([]);
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(15);
  });

  /** Those that load the rules, their own first. */
  function testsOf(subject: string): readonly RuleTestFile[] {
    const own = testFiles.filter(({ name }) => name === subject);
    return [...new Set([...own, ...testFiles.filter(({ rules }) => rules.includes(subject))])];
  }

  /** Whether a test fails with the change. Without it they all pass, as another proof shows. */
  async function isCaught(mutation: Mutation): Promise<boolean> {
    const mutated = files.map((file) => mutate(file, mutation));
    return withMixin(mutated, async (folder) => {
      for (const { name } of testsOf(mutation.subject)) {
        const { code, output } = await promtool(["test", "rules", `tests/${name}.yml`], folder);
        if (code === 0) continue;
        // A rule that cannot be read would fail as well, and prove nothing.
        if (!/^ +got:/m.test(output)) throw new Error(`${mutation.what}: ${output}`);
        return true;
      }
      return false;
    });
  }
});

function mutate(file: MixinFile, { subject, what, from, to }: Mutation): MixinFile {
  if (file.path !== `rules/${subject}.yml`) return file;
  if (!file.content.includes(from)) throw new Error(`nothing to change for: ${what}`);
  return { ...file, content: file.content.replace(from, to) };
}
