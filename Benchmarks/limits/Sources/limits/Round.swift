// One round of measurements: every contestant and every limit once.

import Contestants
import Glibc

/// Nanoseconds of processor time of this thread.
func now() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Times and operation counts by function.
struct Results {
  /// Nanoseconds for one operation.
  var times: [String: Double] = [:]
  /// How many operations were in one call.
  var operations: [String: UInt64] = [:]
  /// What two readings of the clock take, in nanoseconds: a system call each.
  let clockCost: UInt64

  /// Measures the clock, the fastest of a few times.
  init() {
    clockCost =
      (0..<9).map { _ in
        let start = now()
        return now() - start
      }.min() ?? 0
  }

  mutating func measure(_ name: String, _ count: UInt64, _ body: () throws -> Void) rethrows {
    let start = now()
    try body()
    let time = now() - start
    times[name] = Double(time - min(time, clockCost)) / Double(count)
    operations[name] = count
  }
}

/// Runs everything once; `turn` says where the limits stand among the contestants.
func round(
  _ stage: inout Stage, _ scattered: inout ScatteredStage, turn: Int
) throws -> Results {
  var results = Results()
  if turn % 2 == 0 { runLimits(&stage, &results) }
  try runContestants(&stage, &results, turn: turn)
  if turn % 2 != 0 { runLimits(&stage, &results) }
  let count = UInt64(scattered.addresses.count)
  try scattered.restart()
  try results.measure("mapScattered", count) { try mapScattered(&scattered) }
  if turn % 2 == 0 {
    results.measure("scatteredWalkLimit", count) { scatteredWalkLimit(&scattered) }
  }
  results.measure("translateScattered", count) { translateScattered(&scattered) }
  if turn % 2 != 0 {
    results.measure("scatteredWalkLimit", count) { scatteredWalkLimit(&scattered) }
  }
  results.measure("zeroLimit", count) { zeroLimit(&scattered) }
  results.measure("handWrittenScatteredLimit", count) { handWrittenScatteredLimit(&scattered) }
  zeroLimit(&scattered)
  return results
}

private func runLimits(_ stage: inout Stage, _ results: inout Results) {
  let pages = stage.scale.pageCount
  results.measure("storeLimit", pages) { storeLimit(&stage) }
  results.measure("protectLimit", pages) { protectLimit(&stage) }
  results.measure("lockedProtectLimit", pages) { lockedProtectLimit(&stage) }
  results.measure("unmapLimit", pages) { unmapLimit(&stage) }
  results.measure("vectorStoreLimit", pages) { vectorStoreLimit(&stage) }
  prepareHandWritten(&stage)
  results.measure("handWrittenLimit", pages) { handWrittenLimit(&stage) }
  results.measure("largeStoreLimit", stage.scale.largePageCount) { largeStoreLimit(&stage) }
}

private func runContestants(
  _ stage: inout Stage, _ results: inout Results, turn: Int
) throws {
  let pages = stage.scale.pageCount
  let translations = UInt64(stage.addresses.count)
  try results.measure("mapCallPerPage", pages) { try mapCallPerPage(&stage) }
  // The second one finds warmer caches, so they take turns.
  if turn % 2 == 0 { results.measure("walkLimit", translations) { walkLimit(&stage) } }
  results.measure("translateRandom", translations) { translateRandom(&stage) }
  if turn % 2 != 0 { results.measure("walkLimit", translations) { walkLimit(&stage) } }
  try results.measure("protectRange", pages) { try protectRange(&stage) }
  try results.measure("protectLiveRange", pages) { try protectLiveRange(&stage) }
  try results.measure("unmapWholeTables", pages) { try unmapWholeTables(&stage) }
  try results.measure("mapThroughCursor", pages) { try mapThroughCursor(&stage) }
  try results.measure("unmapRange", pages) { try unmapRange(&stage) }
  try stage.clear()
  try results.measure("mapRange", pages) { try mapRange(&stage) }
  try results.measure("unmapLiveRange", pages) { try unmapLiveRange(&stage) }
  try stage.clear()
  let large = stage.scale.largePageCount
  try results.measure("mapLargeCallPerPage", large) { try mapLargeCallPerPage(&stage) }
  try stage.clear()
  // The second one finds warmer caches, so they take turns, in the tables of the round before.
  let isLimitFirst = turn % 2 != 0 && !stage.splitFrames.isEmpty
  if isLimitFirst { runSplitLimit(&stage, &results) }
  try results.measure("mapLargeRange", large) { try mapLargeRange(&stage) }
  try results.measure("splitLarge", stage.scale.splitCount) { try splitLarge(&stage) }
  try stage.noteSplitFrames()
  try stage.clear()
  if !isLimitFirst { runSplitLimit(&stage, &results) }
}

private func runSplitLimit(_ stage: inout Stage, _ results: inout Results) {
  prepareSplitLimit(&stage)
  results.measure("splitLimit", stage.scale.splitCount) { splitLimit(&stage) }
}
