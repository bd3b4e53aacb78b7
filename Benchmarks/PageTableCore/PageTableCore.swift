// PageTableCore: each contestant as a benchmark, with the tables it needs set up outside the time.

import Benchmark
import Contestants

/// One pass of a contestant over all its pages is one iteration.
private func measure(
  _ benchmark: Benchmark, preparing: (inout Stage) throws -> Void = { _ in },
  _ contestant: (inout Stage) throws -> Void
) throws {
  var stage = try Stage(.full)
  for _ in benchmark.scaledIterations {
    try preparing(&stage)
    benchmark.startMeasurement()
    try contestant(&stage)
    benchmark.stopMeasurement()
    try stage.clear()
  }
  blackHole(stage.sum)
}

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput], timeUnits: .microseconds, maxDuration: .seconds(2),
    maxIterations: 60)
  Benchmark("map 262144 pages, a call per page") { try measure($0, mapCallPerPage) }
  Benchmark("map 262144 pages through a cursor") { try measure($0, mapThroughCursor) }
  Benchmark("map a range of 262144 pages") { try measure($0, mapRange) }
  Benchmark("map a range of 32768 large pages") { try measure($0, mapLargeRange) }
  Benchmark("translate a million addresses") {
    try measure($0, preparing: mapRange, translateRandom)
  }
  Benchmark("protect 262144 pages, offline") { try measure($0, preparing: mapRange, protectRange) }
  Benchmark("protect 262144 pages, live") {
    try measure($0, preparing: mapRange, protectLiveRange)
  }
  Benchmark("unmap 262144 pages, with a report") {
    try measure($0, preparing: mapRange, unmapRange)
  }
  Benchmark("unmap 512 whole tables") { try measure($0, preparing: mapRange, unmapWholeTables) }
  Benchmark("split 512 large pages") { try measure($0, preparing: mapLargeRange, splitLarge) }
  Benchmark("map 65536 scattered pages in fresh memory") { benchmark in
    var stage = try ScatteredStage(.full)
    for _ in benchmark.scaledIterations {
      zeroLimit(&stage)
      try stage.restart()
      benchmark.startMeasurement()
      try mapScattered(&stage)
      benchmark.stopMeasurement()
    }
    blackHole(stage.sum)
  }
}
