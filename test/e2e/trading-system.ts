import { type RealPostgres, startPostgres } from "../support/postgres.ts";
import { type RealRedis, startRedis } from "../support/redis.ts";
import { type RealPushgateway, startRealPushgateway } from "../support/servers.ts";
import { stateDirectory } from "../support/state-directory.ts";

/** Servers of a small trading system, with an account and a kill switch in them. */
export type TradingSystem = {
  readonly gateway: RealPushgateway;
  readonly postgres: RealPostgres;
  readonly redis: RealRedis;
  /** In which `closing-bell report --config test/e2e/report.json` finds them. */
  readonly env: Readonly<Record<string, string>>;
  /** The account as it stands now. */
  readonly setAccount: (account: Account) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export type Account = {
  readonly equity: string;
  readonly cash: string;
  readonly positions: number;
  /** Deposits less withdrawals since the account was opened. */
  readonly cashFlow: string;
};

/** Unix seconds. */
export const STARTED_AT = 1_790_000_000;

export async function startTradingSystem(): Promise<TradingSystem> {
  const starts = [startRealPushgateway(), startPostgres(), startRedis()] as const;
  // One that fails must not be told before the others can be stopped.
  await Promise.allSettled(starts);
  const [gateway, postgres, redis] = await Promise.all(starts);
  await postgres.sql(`
    create table account_snapshots (
      taken_at timestamptz not null default clock_timestamp(),
      equity numeric(18, 2) not null,
      cash numeric(18, 2) not null,
      positions integer not null,
      cash_flow_total numeric(18, 2) not null
    )`);
  const setAccount = async ({ equity, cash, positions, cashFlow }: Account) => {
    await postgres.sql(
      `insert into account_snapshots (equity, cash, positions, cash_flow_total)
       values (${equity}, ${cash}, ${positions}, ${cashFlow})`,
    );
  };
  await setAccount({ equity: "104250.75", cash: "12000.50", positions: 7, cashFlow: "0" });
  await redis.command("SET", "trading:kill_switch", "0");
  await redis.command("SET", "trading:started_at", `${STARTED_AT}`);
  return {
    gateway,
    postgres,
    redis,
    env: {
      PUSHGATEWAY_URL: gateway.url.href,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      CLOSING_BELL_STATE_DIR: stateDirectory(),
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
    },
    setAccount,
    async stop() {
      await Promise.all([gateway.stop(), postgres.stop(), redis.stop()]);
    },
  };
}
