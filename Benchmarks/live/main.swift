// MeasureLive: shared page tables under several threads, beside one thread's tables and beside Linux.
//   swift run -c release MeasureLive
//
// Regions of 16 KiB, as in CortenMM's benchmarks (SOSP 2025). Low contention: each thread has regions in
// tables of its own. High contention: the regions of all threads lie beside each other in the same tables.
// Figures are operations per microsecond of wall time, the best of some rounds; all are of one run, and
// only their ratios mean something on another machine. The end is code 1 where a ratio is beyond its limit.

import Glibc

var report = Report()
do {
  try report.make()
} catch {
  print("error: \(error)")
  exit(1)
}
for problem in report.problems { print("beyond its limit: \(problem)") }
if !report.problems.isEmpty { exit(1) }
