// Report: all measurements of one run, and the ratios that have limits.

import GuestMem
import LiveMem

/// The figures by name, and what is beyond its limit.
struct Report {
  private let rounds = 40
  private var figures: [String: [Phase: Double]] = [:]
  private(set) var problems: [String] = []

  private mutating func limit(_ name: String, _ value: Double, atLeast least: Double) {
    let text = "\(name): \(hundredths(value)), limit \(hundredths(least))"
    print("  " + text)
    if value < least { problems.append(text) }
  }

  private func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  private mutating func add(_ name: String, _ measured: [Phase: Double]) {
    figures[name] = measured
    print(row(name, measured))
  }

  private mutating func measureAll<Configuration: SharedPageTableConfiguration>(
    _ name: String, _ kind: Configuration.Type
  ) throws where Configuration.Access == HardwareAccess {
    for contention in Contention.allCases {
      for threads in [1, 2, 4, 8, 16] {
        let table = try makeTable(kind)
        add(
          "\(name), \(contention.rawValue), \(threads)",
          measure(threads: threads, rounds: rounds) { phase, thread, index in
            try perform(phase, table, region(index, of: thread, contention, threads: threads))
          })
      }
    }
  }

  private func ratio(_ first: String, _ second: String, _ phase: Phase) -> Double {
    (figures[first]?[phase] ?? 0) / (figures[second]?[phase] ?? .infinity)
  }

  /// Measures and prints everything.
  mutating func make() throws {
    print("operations on 16 KiB per millisecond, best of \(rounds) rounds")
    print(
      "  " + String(repeating: " ", count: 26)
        + Phase.allCases.map { pad($0.rawValue, 9) }.joined())
    try measureAll("adv", SharedPaging.self)
    try measureAll("rw", ReaderWriter.self)
    try measureAll("one lock", OneLock.self)
    for threads in [1, 2, 4] {
      add("Linux mmap, \(threads)", measureLinux(threads: threads, rounds: rounds))
    }
    let single = try measureSingle(rounds: rounds)
    add("one thread's tables", single.four)
    print(
      "  512 pages: shared \(Int(single.shared512)) ns, one thread's \(Int(single.single512)) ns")

    print("ratios")
    for phase in [Phase.map, .unmap, .fault] {
      limit(
        "adv, \(phase.rawValue): 2 threads by 1, low contention",
        ratio("adv, low, 2", "adv, low, 1", phase), atLeast: 1.6)
      limit(
        "adv, \(phase.rawValue): 16 threads by 2, low contention",
        ratio("adv, low, 16", "adv, low, 2", phase), atLeast: 0.8)
    }
    limit(
      "adv by one thread's tables, map of 4 pages",
      ratio("adv, low, 1", "one thread's tables", .map), atLeast: 0.5)
    limit(
      "adv by one thread's tables, map and unmap of 512 pages",
      single.single512 / single.shared512, atLeast: 1 / 1.3)
    limit(
      "adv by Linux, fault, 1 thread", ratio("adv, low, 1", "Linux mmap, 1", .fault), atLeast: 1)
  }
}
