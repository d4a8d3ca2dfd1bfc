"""A backtest as a user would write it: the library's default registry, written out at the end."""

import os
import sys

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Summary, write_to_textfile

trades = Counter("strategy_trades", "Trades of the strategy.", ["side"])
sharpe = Gauge("strategy_sharpe_ratio", "Sharpe ratio of the backtest.")
fills = Histogram("strategy_fill_seconds", "Time to a fill.", buckets=[1, 5])

bought, ratio, exit_code = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
trades.labels(side="BUY").inc(bought)
sharpe.set(ratio)
for seconds in range(bought):
    fills.observe(seconds)
if "summary" in sys.argv:
    Summary("strategy_latency", "Quantiles cannot be added up.").observe(1)

write_to_textfile(os.environ["CLOSING_BELL_METRICS_FILE"], REGISTRY)
sys.exit(exit_code)
