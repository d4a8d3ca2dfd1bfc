import type { MetricFamily } from "../metrics/exposition/family.ts";

type FamilyType = MetricFamily["type"];

const COUNTERS = [
  "go_memstats_alloc_bytes_total",
  "go_memstats_frees_total",
  "go_memstats_lookups_total",
  "go_memstats_mallocs_total",
  "process_cpu_seconds_total",
  "pushgateway_http_requests_total",
];

const GAUGES = [
  "go_goroutines",
  "go_info",
  "go_memstats_alloc_bytes",
  "go_memstats_buck_hash_sys_bytes",
  "go_memstats_gc_sys_bytes",
  "go_memstats_heap_alloc_bytes",
  "go_memstats_heap_idle_bytes",
  "go_memstats_heap_inuse_bytes",
  "go_memstats_heap_objects",
  "go_memstats_heap_released_bytes",
  "go_memstats_heap_sys_bytes",
  "go_memstats_last_gc_time_seconds",
  "go_memstats_mcache_inuse_bytes",
  "go_memstats_mcache_sys_bytes",
  "go_memstats_mspan_inuse_bytes",
  "go_memstats_mspan_sys_bytes",
  "go_memstats_next_gc_bytes",
  "go_memstats_other_sys_bytes",
  "go_memstats_stack_inuse_bytes",
  "go_memstats_stack_sys_bytes",
  "go_memstats_sys_bytes",
  "go_threads",
  "process_max_fds",
  "process_open_fds",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "process_virtual_memory_bytes",
  "process_virtual_memory_max_bytes",
  "pushgateway_build_info",
];

const SUMMARIES = [
  "go_gc_duration_seconds",
  "pushgateway_http_push_duration_seconds",
  "pushgateway_http_push_size_bytes",
];

/**
 * The families that a real Pushgateway 1.5.1 exposes about itself. A job may push one of these
 * names, as default process metrics do, but only with the same type: else the real gateway refuses
 * the push, and so does this one, although it exposes hardly any of them.
 */
export const OWN_FAMILIES: ReadonlyMap<string, FamilyType> = new Map([
  ...COUNTERS.map((name): [string, FamilyType] => [name, "counter"]),
  ...GAUGES.map((name): [string, FamilyType] => [name, "gauge"]),
  ...SUMMARIES.map((name): [string, FamilyType] => [name, "summary"]),
]);
