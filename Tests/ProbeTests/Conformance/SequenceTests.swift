// Conform's sequences: what each of them has the guest do, and what is told of a machine that lies.

import GuestMem
import MMU
import Synchronization
import Testing

@testable import Probe

@Suite("A sequence asks what its name says, and tells of every lie")
struct SequenceTests {
  static let features = Set(MachineFeature.allCases)

  static func run(
    _ sequence: ConformanceSequence, on factory: PaperFactory
  ) throws -> ConformanceBlockResult {
    let bench = try SequenceBench(rootLevel: sequence.space.rootLevel, factory: factory)
    return try run(sequence, on: bench, factory)
  }

  static func run(
    _ sequence: ConformanceSequence, on bench: SequenceBench, _ factory: PaperFactory
  ) throws -> ConformanceBlockResult {
    var run = SequenceRun(
      5, sequence, on: bench, machine: factory.profile,
      deadline: ContinuousClock.now + .seconds(600))
    try run.run()
    return run.result
  }

  static func sequences(_ rootLevel: Level) -> [ConformanceSequence] {
    ConformanceSequence.all(rootLevel: rootLevel, addressWidth: 46, features: features)
  }

  static func sequence(_ name: String) throws -> ConformanceSequence {
    try #require(sequences(.pageMapLevel4).first { $0.name == name })
  }

  // MARK: What is asked

  /// The error code of a fault: P and what was tried.
  static func fault(_ access: PaperAccess, _ reasons: UInt32) -> String {
    var code = reasons
    if access.privilege == .user { code |= 4 }
    if access.isWrite { code |= 2 }
    if access.loop == .fetch { code |= 16 }
    return "0x" + String(code, radix: 16)
  }

  /// A page with rights, used with NXE and WP on and SMEP and SMAP off.
  static func page(
    _ access: PaperAccess, user: Bool = true, write: Bool = true, execute: Bool = true
  ) -> String {
    let isDenied =
      !user && access.privilege == .user || access.isWrite && !write
      || access.loop == .fetch && !execute
    return isDenied ? fault(access, 1) : "ok"
  }

  /// What comes of an access while `change` is in the tables.
  static func changed(_ access: PaperAccess, _ change: String) -> String {
    switch change {
    case "R/W cleared": page(access, write: false)
    case "U/S cleared": page(access, user: false)
    case "P cleared": fault(access, 0)
    case "XD set": page(access, execute: false)
    default: "ok"
    }
  }

  /// What comes of the access with this position among those of a sequence, as its name has it.
  static func expected(
    _ access: PaperAccess, at position: Int, of sequence: ConformanceSequence
  ) -> String? {
    let name = sequence.name.replacing(", 5 levels", with: "")
    let offset = access.address & (sequence.space.rootLevel.span - 1)
    switch name {
    case _ where name.hasPrefix("every root entry"):
      switch offset >> 12 {
      case 0: return "ok"
      case 1: return page(access, write: false)
      case 2: return page(access, user: false)
      case 3: return page(access, execute: false)
      case 4: return fault(access, 0)
      default: return fault(access, 9)
      }
    case _ where name.hasPrefix("addresses that are not canonical"):
      return access.isStack ? "ss" : "gp"
    case _ where name.hasPrefix("A and D on every path"), "A and D are cleared": return "ok"
    case _ where name.hasPrefix("global pages"): return "ok"
    case _ where name.hasPrefix("two linear addresses of one"):
      let isWritable = access.address >> sequence.space.rootLevel.indexShift & 511 == 1
      let isIgnored = name.hasSuffix("WP=0") && access.privilege == .supervisor
      return page(access, write: isWritable || isIgnored)
    case "a neighbour with a reserved bit":
      return offset >> 12 & 1 == 0
        ? "ok"
        : fault(access, 9).replacing("0x19", with: "0x9")
          .replacing("0x1d", with: "0xd")
    case "WP is turned off and on":
      return page(access, write: access.state.cr0 >> 16 & 1 == 0)
    case "a page directory below two PDPTEs with other rights":
      return page(
        access, user: offset >> 21 & 1 == 0, write: offset >> 30 & 1 == 0)
    case "SMEP after a write with WP clear":
      return access.loop == .fetch && access.privilege == .supervisor ? "0x11" : "ok"
    case _ where name.hasPrefix("a table below two"):
      let levels = ["PDEs": 21, "PDPTEs": 30, "PML4Es": 39, "PML5Es": 48]
      guard let shift = levels[String(name.dropFirst("a table below two ".count))] else {
        return nil
      }
      // The second parent of the root's level is root entry 2.
      let isRoot = UInt64(shift) == sequence.space.rootLevel.indexShift
      let isSecond = access.address >> UInt64(shift) & 511 == (isRoot ? 2 : 1)
      return page(access, write: !isSecond && offset >> 12 & 1 == 0)
    case "a root that leads to itself":
      let isPage = access.address >> sequence.space.rootLevel.indexShift & 511 == 1
      return page(access, user: isPage)
    case "a 2 MiB page becomes pages of 4 KiB and back":
      // Six ways of using four pages, before the change, twice after it, and twice after the way back.
      let isChanged = (24..<72).contains(position)
      return page(access, write: !isChanged || offset >> 12 & 1 == 0)
    default:
      guard
        let change = ["R/W cleared", "U/S cleared", "P cleared", "XD set", "the frame moved"]
          .first(where: { name.hasPrefix($0) })
      else { return nil }
      return (6..<18).contains(position) ? changed(access, change) : "ok"
    }
  }

  @Test(
    "each access of each sequence comes to what the sequence is named for",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func meanings(_ rootLevel: Level) throws {
    let factory = PaperFactory()
    let bench = try SequenceBench(rootLevel: rootLevel, factory: factory)
    var rootWays = 0
    for sequence in Self.sequences(rootLevel) {
      if sequence.name.hasPrefix("every root entry") {
        rootWays += 1
        guard rootWays == Int(rootLevel.rawValue) else { continue }
      }
      factory.log.begin()
      let result = try Self.run(sequence, on: bench, factory)
      #expect(result.tally.caseCount == sequence.caseCount, "\(sequence.name)")
      #expect(result.tally.agreedCount == sequence.caseCount, "\(sequence.name)")
      #expect(result.tally.notRun.isEmpty)
      let accesses = factory.log.accesses.filter { $0.loop != .store }
      #expect(accesses.count == sequence.caseCount)
      for (position, access) in accesses.enumerated() {
        let expected = Self.expected(access, at: position, of: sequence)
        #expect(access.code == expected, "\(sequence.name): \(position), \(access)")
        if access.code != expected { break }
      }
    }
    #expect(rootWays == 6)
  }

  @Test("what is moved is reached at its new place, and at the old one when it is moved back")
  func moved() throws {
    for name in [
      "the frame moved in the leaf of a 4 KiB page", "the frame moved in the leaf of a 2 MiB page",
    ] {
      let factory = PaperFactory()
      factory.log.begin()
      _ = try Self.run(Self.sequence(name), on: factory)
      let frames = factory.log.accesses.filter { $0.loop != .store }.map { access -> UInt64 in
        if case .success(let address) = access.outcome { address.rawValue & ~0xfff } else { 1 }
      }
      let (old, new) = (ConformanceTables.poolAddress, ConformanceTables.poolAddress ^ 4 << 20)
      #expect(
        frames
          == [6, 12, 12].enumerated().flatMap { turn, count in
            [UInt64](repeating: turn == 1 ? new : old, count: count)
          })
    }
  }

  @Test("the window shows every word of the tables where the tables say it is")
  func window() throws {
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      let space = SequenceSpace(rootLevel: rootLevel)
      let factory = PaperFactory()
      let bench = try SequenceBench(rootLevel: rootLevel, factory: factory)
      _ = bench.prepare(space, ProcessorSettings())
      let configuration = try PagingConfiguration(rootLevel: rootLevel)
      for place in [space.root, space.root + 8, space.root + 0x3ff8, space.root + 0x1f_fff8] {
        let walk = Walk(
          space.windowAddress(of: place), cr3: space.root, configuration: configuration,
          in: bench.memory)
        #expect(walk.translation?.physicalAddress.rawValue == place)
        #expect(walk.translation?.isUser == false)
      }
    }
  }

  // MARK: What is told

  @Test("a write that arrives nowhere is told, and a read that finds nothing")
  func wrongPages() throws {
    let sequence = try Self.sequence("R/W cleared in a PDE")
    for (loop, lie) in [
      (AgentBatch.Loop.write, PaperLie.nothing), (.read, .value(0)), (.read, .value(.max)),
      (.fetch, .value(0x123_4567)),
    ] {
      var factory = PaperFactory()
      factory.habits.lie = { $0.loop == loop && $0.privilege == .user ? lie : nil }
      factory.log.begin()
      let result = try Self.run(sequence, on: factory)
      let count = factory.log.accesses.count {
        $0.loop == loop && $0.privilege == .user && $0.code == "ok"
      }
      #expect(result.tally.caseCount == sequence.caseCount)
      if case .value = lie {
        #expect(result.evidence.differences.keys.allSatisfy { $0.response == .wrongPage })
        #expect(result.tally.differingCount == count && count > 0)
      } else {
        // Where the access should fail, a machine that says nothing has allowed it.
        #expect(result.tally.differingCount >= count && count > 0)
        #expect(result.evidence.differences.keys.contains { $0.response == .wrongPage })
      }
    }
  }

  @Test("an A or a D that is missing in a leaf is told of each access that should have set it")
  func flags() throws {
    let sequence = try Self.sequence("A and D are cleared")
    for (lie, response, expected) in [
      // Two writes at each privilege; before the second one a read has set A.
      (PaperLie.lacks(0x40), FlagDifference.dirtyMissing, 4),
      (.lacks(0x20), .accessedMissing, 2),
    ] {
      var factory = PaperFactory()
      let page = UInt64(1) << 39
      factory.habits.lie = {
        $0.loop == .write && $0.address & ~0xfff == page ? lie : nil
      }
      let result = try Self.run(sequence, on: factory)
      #expect(result.tally.caseCount == sequence.caseCount)
      let records = result.evidence.differences
      #expect(!records.isEmpty && records.keys.allSatisfy { $0.response == .flags(response) })
      let count = records.values.reduce(0) { $0 + $1.count }
      #expect(count == result.tally.differingCount && count == expected)
      #expect(result.evidence.agreed.values.reduce(0, +) == result.tally.agreedCount)
      for record in records.values {
        #expect(record.example.address == page && record.example.block == 5)
        #expect(record.example.modelled == "A and D as modelled")
        #expect(record.example.flags?.hasPrefix("the word at 0x") == true)
      }
    }
  }

  @Test("a word that changes without any access to blame is a case of its own")
  func strayChange() throws {
    let sequence = try Self.sequence("SMEP after a write with WP clear")
    var factory = PaperFactory()
    let place = SequenceSpace.tablesAddress + 100 * 8
    factory.habits.lie = { $0.privilege == .user ? .sets(1 << 9, at: place) : nil }
    let result = try Self.run(sequence, on: factory)
    #expect(result.tally.caseCount == sequence.caseCount + 1)
    #expect(result.tally.agreedCount == sequence.caseCount)
    let (difference, record) = try #require(result.evidence.differences.first)
    #expect(result.evidence.differences.count == 1 && record.count == 1)
    #expect(difference.response == .flags(.other))
    #expect(record.example.modelled == "no change" && record.example.executed == "a change")
    // The example names the first page of the step.
    let pages = sequence.steps.compactMap { step -> UInt64? in
      if case .access(_, .user, let addresses, _) = step { addresses.first } else { nil }
    }
    #expect(pages.contains(record.example.address) && !pages.contains(0))
    #expect(
      record.example.flags == "the word at \(HexadecimalNumber(place)): 0x0 became 0x200")
  }

  @Test("a locked write that fails may have read before, and may not")
  func lockedWrites() throws {
    var space = SequenceSpace(rootLevel: .pageMapLevel4)
    let page = UInt64(1) << 39
    space.map(page, to: ConformanceTables.poolAddress, 0x5, tableBits: 0x7)
    let sequence = ConformanceSequence(
      name: "a locked write of a read-only page", space: space,
      steps: PrivilegeLevel.allCases.map { .access(.lockedOr, $0, [page], .current) })
    for reads in [false, true] {
      var factory = PaperFactory()
      factory.habits.readsBeforeLockedWrite = reads
      let result = try Self.run(sequence, on: factory)
      #expect(result.tally.caseCount == 2 && result.tally.agreedCount == 2)
    }
    // A plain write that fails marks nothing in the leaf.
    var factory = PaperFactory()
    let leaf = try #require(space.place(of: page, at: .pageTable))
    factory.habits.lie = { _ in .sets(0x20, at: leaf) }
    let plain = ConformanceSequence(
      name: "a write of a read-only page", space: space,
      steps: [.access(.write, .user, [page], .current)])
    #expect(try Self.run(plain, on: factory).tally.agreedCount == 0)
  }

  @Test("no word of a table is cleared, where an earlier state of the tables led a write to it")
  func staleWriteToTable() throws {
    let offset = ConformanceAccess.write.offset(writeSlot: 0)
    // The page's own root entry is the word that the write would have met.
    let page = (offset >> 3) << 39
    var space = SequenceSpace(rootLevel: .pageMapLevel4)
    let leaf = space.map(page, to: space.root, SequenceMaker.quiet)
    let word = try #require(space.words[leaf])
    let sequence = ConformanceSequence(
      name: "a write to a table that is forbidden", space: space,
      steps: [
        .store(leaf, word & ~PageTableEntry.Bit.readWrite),
        .access(.write, .user, [page], .currentOrStale),
      ])
    let result = try Self.run(sequence, on: PaperFactory())
    #expect(result.tally.caseCount == 1 && result.tally.agreedCount == 1)
    #expect(result.evidence.differences.isEmpty)
    #expect(result.evidence.agreed.keys.map(\.subject.end) == [.refused])
  }

  @Test("what cannot be run after a guest died counts as lost, each access once, and is not run")
  func death() throws {
    let sequence = try Self.sequence("XD set in a PDE")
    for fatal in [0, 8, 29] {
      var factory = PaperFactory()
      let log = factory.log
      factory.habits.lie = { _ in
        log.accesses.count { $0.loop != .store } > fatal ? .dies(.emulationFailure, record: 0) : nil
      }
      log.begin()
      let result = try Self.run(sequence, on: factory)
      #expect(log.accesses.count { $0.loop != .store } == fatal + 1)
      #expect(result.tally.caseCount == sequence.caseCount)
      #expect(result.tally.agreedCount == fatal)
      let records = result.evidence.differences
      #expect(records.keys.allSatisfy { $0.response == .lost(.emulationFailure) })
      #expect(records.values.reduce(0) { $0 + $1.count } == sequence.caseCount - fatal)
      for record in records.values {
        #expect(record.example.modelled == "an answer")
        #expect(record.example.executed == GuestDeath.emulationFailure.message)
      }
      #expect(log.resetCount == 1)
    }
  }

  @Test(
    "an entry is changed at the level that is asked for, and only there", arguments: Level.allCases)
  func changedEntry(_ level: Level) throws {
    let rootLevel: Level = level == .pageMapLevel5 ? .pageMapLevel5 : .pageMapLevel4
    let page = UInt64(1) << 39
    var space = SequenceSpace(rootLevel: rootLevel)
    space.map(page, to: ConformanceTables.poolAddress, 0x7)
    let before = space.words
    let place = try #require(space.place(of: page, at: level))
    space.change(page, at: level) { $0 ^ 0x20 }
    for (address, word) in space.words {
      #expect(word == (before[address] ?? 0) ^ (address == place ? 0x20 : 0))
    }
    #expect(space.words.count == before.count && space.words != before)
    // Where there is no entry nothing is changed.
    space.change(page << 1, at: .pageTable) { $0 ^ 0x20 }
    #expect(space.words.count == before.count)
  }

  @Test("after a guest died the next sequence on its bench has all that it needs")
  func afterDeath() throws {
    let sequence = try Self.sequence("XD set in a PDE")
    let isDeadly = Atomic<Bool>(true)
    var factory = PaperFactory()
    factory.habits.lie = { _ in
      isDeadly.load(ordering: .relaxed) ? .dies(.shutdown, record: nil) : nil
    }
    let bench = try SequenceBench(rootLevel: sequence.space.rootLevel, factory: factory)
    #expect(try Self.run(sequence, on: bench, factory).tally.agreedCount == 0)
    isDeadly.store(false, ordering: .relaxed)
    let result = try Self.run(sequence, on: bench, factory)
    #expect(result.tally.agreedCount == sequence.caseCount)
    #expect(result.tally.caseCount == sequence.caseCount && result.evidence.differences.isEmpty)
  }

  @Test("a step between accesses that faults ends the sequence, and says that it was such a step")
  func faultInControl() throws {
    let sequence = try Self.sequence("P cleared in a PDE")
    var factory = PaperFactory()
    factory.habits.lie = { $0.loop == .store ? .fault(vector: 14, code: 2) : nil }
    let result = try Self.run(sequence, on: factory)
    #expect(result.tally.caseCount == sequence.caseCount && result.tally.agreedCount == 6)
    #expect(
      result.evidence.differences.keys.allSatisfy {
        $0.response == .lost(.unexpectedExit("fault in a step between accesses"))
      })
  }
}

extension PaperAccess {
  fileprivate var isWrite: Bool {
    [.write, .lockedOr, .push, .call].contains(loop)
  }
  fileprivate var isStack: Bool { [.push, .call, .pop].contains(loop) }
}
