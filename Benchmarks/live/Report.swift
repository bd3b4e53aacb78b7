// Report: all measurements of one run, and the ratios that have limits.

import GuestMem
import LiveMem

/// The figures by name, and what is beyond its limit.
struct Report {
  private let rounds = 40
  private var figures: [String: [Phase: Throughput]] = [:]
  private(set) var problems: [String] = []

  private mutating func limit(_ name: String, _ value: Double, atLeast least: Double) {
    let text = "\(name): \(hundredths(value)), limit \(hundredths(least))"
    print("  " + text)
    if value < least { problems.append(text) }
  }

  /// The same ratio by processor time: what two processors would do that nobody else uses, where an
  /// operation takes none of them longer.
  private func note(_ value: Double) { print("    by processor time: \(hundredths(value))") }

  private func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  private mutating func add(
    _ name: String, _ measured: [Phase: Throughput], lines: [Phase: Int] = [:]
  ) {
    figures[name] = measured
    print(row(name, measured, lines))
  }

  private mutating func measureAll<
    Configuration: SharedPageTableConfiguration, Counted: CountedConfiguration
  >(
    _ name: String, _ kind: Configuration.Type, counted: Counted.Type
  ) throws where Configuration.Access == HardwareAccess {
    let lines = try writtenLines(counted)
    for contention in Contention.allCases {
      for threads in [1, 2, 4, 8, 16] {
        let table = try makeTable(kind)
        add(
          "\(name), \(contention.rawValue), \(threads)",
          measure(threads: threads, rounds: rounds) { phase, thread, index in
            try perform(phase, table, region(index, of: thread, contention, threads: threads))
          }, lines: threads == 1 ? lines : [:])
      }
    }
  }

  private func ratio(
    _ first: String, _ second: String, _ phase: Phase,
    by throughput: KeyPath<Throughput, Double> = \.wall
  ) -> Double {
    (figures[first]?[phase]?[keyPath: throughput] ?? 0)
      / (figures[second]?[phase]?[keyPath: throughput] ?? .infinity)
  }

  /// Measures and prints everything.
  mutating func make() throws {
    print("operations on 16 KiB per millisecond, best of \(rounds) rounds")
    print("in brackets: cache lines written by one operation")
    print(
      "  " + String(repeating: " ", count: 26)
        + Phase.allCases.map { pad($0.rawValue, 9) + "     " }.joined())
    // The first second of a run is slower than the others.
    _ = try measureSingle(rounds: rounds)
    try measureAll("adv", SharedPaging.self, counted: CountedAdv.self)
    try measureAll("rw", ReaderWriter.self, counted: CountedReaderWriter.self)
    try measureAll("one lock", OneLock.self, counted: CountedOneLock.self)
    for threads in [1, 2, 4] {
      add("Linux mmap, \(threads)", measureLinux(threads: threads, rounds: rounds))
    }
    let single = try measureSingle(rounds: rounds)
    add("one thread's tables", single.four)
    print(
      "  512 pages: shared \(Int(single.shared512)) ns, one thread's \(Int(single.single512)) ns")

    print("ratios")
    for phase in Phase.allCases where phase != .translate {
      limit(
        "adv, \(phase.rawValue): 2 threads by 1, low contention",
        ratio("adv, low, 2", "adv, low, 1", phase), atLeast: 1.6)
      note(2 * ratio("adv, low, 2", "adv, low, 1", phase, by: \.processor))
      limit(
        "adv, \(phase.rawValue): 16 threads by 2, low contention",
        ratio("adv, low, 16", "adv, low, 2", phase), atLeast: 0.8)
      note(ratio("adv, low, 16", "adv, low, 2", phase, by: \.processor))
    }
    limit(
      "adv by one thread's tables, map of 4 pages",
      ratio("adv, low, 1", "one thread's tables", .map, by: \.processor), atLeast: 0.5)
    limit(
      "adv by one thread's tables, map and unmap of 512 pages",
      single.single512 / single.shared512, atLeast: 1 / 1.3)
    for phase in [Phase.mmap, .mmapFault, .fault, .unmapMarked, .unmap] {
      limit(
        "adv by Linux, \(phase.rawValue), 1 thread",
        ratio("adv, low, 1", "Linux mmap, 1", phase), atLeast: 1)
    }
  }
}
