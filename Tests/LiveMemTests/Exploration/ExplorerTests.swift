// The explorer against programs whose ends are known, and against every schedule without reduction.

import LiveMem
import Testing

private typealias Access = ScheduledAccess

@Suite("The explorer of schedules")
struct ExplorerTests {
  /// What the threads of a small program read, by name.
  private final class Registers {
    var values: [String: UInt64] = [:]
  }

  /// A small program on words that are 0 at first.
  private typealias Program = @Sendable (_ words: WordLines, _ registers: Registers) -> [() -> Void]

  /// Store buffering: both threads store, then read what the other stored.
  private static let storeBuffering: Program = { words, registers in
    [
      {
        Access.store(words.word(0), 1)
        registers.values["a"] = Access.load(words.word(1))
      },
      {
        Access.store(words.word(1), 1)
        registers.values["b"] = Access.load(words.word(0))
      },
    ]
  }

  /// The same with locked operations in place of stores.
  private static let lockedBuffering: Program = { words, registers in
    [
      {
        _ = Access.exchange(words.word(0), 1)
        registers.values["a"] = Access.load(words.word(1))
      },
      {
        _ = Access.exchange(words.word(1), 1)
        registers.values["b"] = Access.load(words.word(0))
      },
    ]
  }

  /// Message passing: data, then a flag; the other reads the flag, then the data.
  private static let messagePassing: Program = { words, registers in
    [
      {
        Access.store(words.word(0), 1)
        Access.store(words.word(1), 1)
      },
      {
        registers.values["flag"] = Access.load(words.word(1))
        registers.values["data"] = Access.load(words.word(0))
      },
    ]
  }

  /// Three threads add to a word by load and store, and one by a locked operation.
  private static let lostUpdates: Program = { words, registers in
    [
      { Access.store(words.word(0), Access.load(words.word(0)) + 1) },
      { Access.store(words.word(0), Access.load(words.word(0)) + 10) },
      { registers.values["before"] = Access.fetchAdd(words.word(0), 100) },
    ]
  }

  /// A thread waits for what another stores, and reads what came before.
  private static let waiting: Program = { words, registers in
    [
      {
        var patience = Patience.standard
        _ = Access.wait(words.word(1), while: 0, &patience)
        registers.values["data"] = Access.load(words.word(0))
      },
      {
        Access.store(words.word(0), 7)
        _ = Access.load(words.word(2))
        Access.store(words.word(1), 1)
      },
      { Access.store(words.word(2), 1) },
    ]
  }

  private final class Ends {
    var ends: Set<[String: UInt64]> = []
  }

  private func run(
    _ program: @escaping Program, into ends: Ends
  ) -> (threads: [() -> Void], check: (Bool) -> String?) {
    let words = WordLines(count: 3)
    let registers = Registers()
    let threads = program(words, registers)
    return (
      threads,
      { isOver in
        guard isOver else { return nil }
        var end = registers.values
        for index in 0..<3 { end["word \(index)"] = HardwareAccess.load(words.word(index)) }
        ends.ends.insert(end)
        return nil
      }
    )
  }

  /// Every schedule, one by one, without looking at conflicts.
  private func enumerate(_ program: @escaping Program) -> (ends: Ends, schedules: Int) {
    let ends = Ends()
    var schedules = 0
    var path: [(chosen: Int, enabled: [Int])] = []
    while true {
      let (threads, check) = run(program, into: ends)
      let schedule = Schedule(threads: threads)
      var depth = 0
      while true {
        let enabled = (0..<schedule.processCount).filter { schedule.next($0) != nil }
        if enabled.isEmpty { break }
        if depth == path.count { path.append((0, enabled)) }
        schedule.make(path[depth].enabled[path[depth].chosen])
        depth += 1
      }
      _ = check(true)
      schedules += 1
      while let last = path.last, last.chosen + 1 == last.enabled.count { path.removeLast() }
      guard !path.isEmpty else { return (ends, schedules) }
      path[path.count - 1].chosen += 1
    }
  }

  @Test("The reduction loses no end, and saves schedules")
  func sameEnds() {
    let programs: [(String, Program)] = [
      ("store buffering", Self.storeBuffering), ("locked", Self.lockedBuffering),
      ("message passing", Self.messagePassing), ("lost updates", Self.lostUpdates),
      ("waiting", Self.waiting),
    ]
    for (name, program) in programs {
      let ends = Ends()
      let result = Explorer { run(program, into: ends) }.explore()
      let (all, schedules) = enumerate(program)
      #expect(result.violation == nil, "\(name)")
      #expect(ends.ends == all.ends, "\(name)")
      #expect(result.schedules < schedules, "\(name): \(result.schedules) of \(schedules)")
    }
  }

  @Test("A store may pass a later load, and a locked operation may not")
  func passing() {
    let stores = enumerate(Self.storeBuffering).ends.ends
    #expect(stores.contains { $0["a"] == 0 && $0["b"] == 0 })
    #expect(stores.count == 4)
    let locked = enumerate(Self.lockedBuffering).ends.ends
    #expect(!locked.contains { $0["a"] == 0 && $0["b"] == 0 })
    #expect(locked.count == 3)
    let messages = enumerate(Self.messagePassing).ends.ends
    #expect(!messages.contains { $0["flag"] == 1 && $0["data"] == 0 })
  }

  @Test("Threads that wait for each other are found, and the schedule shows it again")
  func circle() {
    let explorer = Explorer {
      let words = WordLines(count: 2)
      func lock(_ index: Int) {
        var patience = Patience.standard
        while Access.exchange(words.word(index), 1) != 0 {
          _ = Access.wait(words.word(index), while: 1, &patience)
        }
      }
      func unlock(_ index: Int) { Access.store(words.word(index), 0) }
      return (
        [
          {
            lock(0); lock(1); unlock(1); unlock(0)
          },
          {
            lock(1); lock(0); unlock(0); unlock(1)
          },
        ],
        { _ in nil }
      )
    }
    let result = explorer.explore()
    #expect(result.violation?.text == "threads [0, 1] wait for each other for ever")
    if let schedule = result.violation?.schedule {
      #expect(explorer.replay(schedule)?.contains("wait") == true)
    }
  }

  @Test("A thread that never ends is found")
  func endless() {
    let explorer = Explorer(stepLimit: 100) {
      let words = WordLines(count: 1)
      return ([{ while Access.load(words.word(0)) == 0 {} }], { _ in nil })
    }
    #expect(explorer.explore().violation?.text.contains("after 100 steps") == true)
  }
}
