import { FLOOR, isPeer, PRODUCT } from "./contestants.mjs";
import { median } from "./statistics.mjs";

/**
 * What the repetitions of a row say.
 *
 * @param times nanoseconds of each repetition, by contestant.
 * @param knownMisses reasons by row id.
 */
export function judge(row, times, knownMisses) {
  const contestants = Object.fromEntries([...times].map(([name, ns]) => [name, summary(ns)]));
  const time = (name) => contestants[name].median;
  const fastestPeer = Object.keys(contestants)
    .filter(isPeer)
    .reduce((best, name) => (time(name) < time(best) ? name : best));
  const ratios = {
    peer: time(fastestPeer) / time(PRODUCT),
    floor: time(PRODUCT) / time(FLOOR),
  };

  return {
    id: row.id,
    title: row.title,
    contestants,
    fastestPeer,
    ratios,
    targets: row.targets,
    ...verdict(row, ratios, knownMisses),
  };
}

function summary(ns) {
  return {
    median: median(ns),
    low: Math.min(...ns),
    high: Math.max(...ns),
    repetitions: ns.length,
  };
}

function verdict({ id, targets: { peer = 0, floor = Infinity } }, ratios, knownMisses) {
  if (ratios.peer >= peer && ratios.floor <= floor) return { verdict: "PASS" };
  const reason = knownMisses[id];
  return reason === undefined ? { verdict: "MISS" } : { verdict: "KNOWN MISS", reason };
}
