// Row: a contestant or limit with its place in the table of results.

import Contestants

/// One line of the results.
struct Row {
  /// What is measured, as the table says it.
  let name: String
  /// The function, as its symbol says it, so that its instructions can be found.
  let function: String
  /// The function of the limit that its time is divided by; nil for a limit.
  let limit: String?
  /// The largest ratio that is wanted.
  let target: Double?
  /// The instructions of one operation, as they were measured; more by 2 % and by a tenth are too many.
  let instructions: Double?

  init(
    _ name: String, _ function: String, limit: String? = nil, target: Double? = nil,
    instructions: Double? = nil
  ) {
    self.name = name
    self.function = function
    self.limit = limit
    self.target = target
    self.instructions = instructions
  }
}

/// All lines, in the order in which they are printed.
let rows: [Row] = [
  Row("store 4 KiB entries", "storeLimit"),
  Row("store, with vectors", "vectorStoreLimit"),
  Row("map 4 KiB, hand-written C", "handWrittenLimit", limit: "storeLimit"),
  Row("store 2 MiB entries", "largeStoreLimit"),
  Row("protect, present check", "protectLimit"),
  Row("protect, locked", "lockedProtectLimit"),
  Row("read and zero", "unmapLimit"),
  Row("walk, P and PS", "walkLimit"),
  Row("walk, scattered", "scatteredWalkLimit"),
  Row("zero the same frames", "zeroLimit"),
  Row("map scattered, hand-written C", "handWrittenScatteredLimit"),
  Row("split 2 MiB", "splitLimit"),
  Row(
    "map 4 KiB, a call per page", "mapCallPerPage", limit: "storeLimit", target: 11,
    instructions: 65),
  Row(
    "map 4 KiB, open cursor", "mapThroughCursor", limit: "storeLimit", target: 4.6,
    instructions: 24.64),
  Row("map a range of 4 KiB", "mapRange", limit: "storeLimit", target: 1.6, instructions: 2.34),
  Row(
    "map a range of 2 MiB", "mapLargeRange", limit: "largeStoreLimit", target: 2, instructions: 2.39
  ),
  Row(
    "map 2 MiB, a call per page", "mapLargeCallPerPage", limit: "largeStoreLimit",
    instructions: 230.6),
  Row(
    "protect a range, offline", "protectRange", limit: "protectLimit", target: 1.6,
    instructions: 7.07),
  Row(
    "protect a range, live", "protectLiveRange", limit: "protectLimit", target: 15,
    instructions: 42.26),
  Row("unmap a range, report", "unmapRange", limit: "unmapLimit", target: 2, instructions: 6.44),
  Row("unmap a range, report, live", "unmapLiveRange", limit: "unmapLimit", instructions: 43.53),
  Row(
    "unmap whole tables", "unmapWholeTables", limit: "unmapLimit", target: 0.06, instructions: 0.16),
  Row(
    "translate, random", "translateRandom", limit: "walkLimit", target: 1.2, instructions: 53),
  Row(
    "map scattered, fresh memory", "mapScattered", limit: "zeroLimit", target: 0.1,
    instructions: 321.1),
  Row("translate, scattered", "translateScattered", limit: "scatteredWalkLimit"),
  Row("split 2 MiB", "splitLarge", limit: "splitLimit", target: 1.1),
]
