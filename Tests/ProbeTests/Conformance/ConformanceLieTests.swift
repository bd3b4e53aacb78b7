// What conform makes of a machine on paper: honest, lenient where the manual lets it be, and lying.

import GuestMem
import KVM
import MMU
import Testing

@testable import Probe

@Suite("Every case is counted once, and what is wrong is told of the case that did it")
struct ConformanceLieTests {
  static let profile = PaperFactory().profile

  /// Runs blocks of the full profile on machines of `factory`.
  static func worker(
    _ factory: PaperFactory, _ selection: ConformanceSelection = .everything
  ) throws -> (plan: ConformancePlan, worker: ConformanceWorker) {
    let plan = try Conformance(factory).plan(.full, factory.profile)
    return (
      plan,
      ConformanceWorker(
        plan, factory.profile, factory, ContinuousClock.now + .seconds(600), selection)
    )
  }

  static func blocks(
    of plan: ConformancePlan, _ isChosen: (ConformanceMatrix, MatrixBlock) -> Bool
  ) -> [(block: ConformanceBlock, matrix: ConformanceMatrix, work: MatrixBlock)] {
    plan.blocks.compactMap { block in
      guard case .matrix(let work) = block.work else { return nil }
      let matrix = plan.matrices[work.matrix]
      return isChosen(matrix, work) ? (block, matrix, work) : nil
    }
  }

  /// A block of the pairs of PDEs and PTEs, in the usual mode.
  static func pages(
    _ plan: ConformancePlan, _ access: ConformanceAccess, _ privilege: PrivilegeLevel
  ) throws -> (block: ConformanceBlock, matrix: ConformanceMatrix) {
    let found = blocks(of: plan) { matrix, work in
      matrix.name == "PDE and PTE" && matrix.rootLevel == .pageMapLevel4
        && work.settings == ProcessorSettings() && work.access == access
        && work.privilege == privilege
    }
    let first = try #require(found.first)
    return (first.block, first.matrix)
  }

  @Test(
    "a machine agrees that does what the model says, whatever the manual leaves open",
    arguments: [false, true])
  func honest(_ isLenient: Bool) throws {
    var factory = PaperFactory()
    factory.habits.marksOnFault = isLenient
    factory.habits.readsBeforeLockedWrite = isLenient
    factory.habits.marksFirstPage = isLenient
    factory.habits.reportsSecondPage = isLenient
    let (plan, worker) = try Self.worker(factory, .sample(oneIn: 29))
    var kinds: Set<String> = []
    var count = 0
    for (block, matrix, work) in Self.blocks(of: plan, { _, _ in true })
    where work.settings.isSMEPEnabled == work.settings.isNoExecuteEnabled {
      // One mode for each way of using a matrix.
      let kind = "\(matrix.name) \(matrix.rootLevel) \(work.access) \(work.privilege)"
      guard matrix.rootLevel == .pageMapLevel4 || work.privilege == .user,
        kinds.insert(kind).inserted
      else { continue }
      let result = try worker.run(block)
      for record in result.evidence.differences.values { Issue.record("\(record.example.words)") }
      #expect(result.tally.agreedCount == result.tally.caseCount)
      #expect(
        result.tally.notRun.keys.allSatisfy {
          $0 == .fetchWithoutMemory && work.access == .fetch && matrix.target == .device
        })
      count += result.tally.caseCount
    }
    #expect(kinds.count > 150 && count > 5000)
  }

  @Test("descriptors are read from tables of 64 KiB, and no case is lost between two")
  func descriptors() throws {
    let factory = PaperFactory()
    let (plan, worker) = try Self.worker(factory)
    let chosen = Self.blocks(of: plan) { matrix, work in
      work.access == .descriptor && work.settings == ProcessorSettings()
    }
    #expect(chosen.count == 2)
    for (block, _, work) in chosen {
      #expect(work.privilege == .user)
      factory.log.begin()
      let result = try worker.run(block)
      #expect(result.tally.caseCount == block.caseCount)
      #expect(result.tally.agreedCount == block.caseCount)
      let accesses = factory.log.accesses
      #expect(accesses.count == block.caseCount)
      #expect(accesses.allSatisfy { $0.address & 0xfff == 0xff0 })
      #expect(Set(accesses.map { $0.address >> 16 }).count > 10)
      #expect(Set(accesses.map(\.code)).isSuperset(of: ["ok", "0x0", "0x9"]))
    }
  }

  @Test(
    "a guest that dies costs its own case, wherever it says that it was",
    arguments: [nil, 0, 7, 40, 1 << 20, -3] as [Int?])
  func death(_ told: Int?) throws {
    var factory = PaperFactory()
    let selection = ConformanceSelection.sample(oneIn: 211)
    let (plan, honest) = try Self.worker(factory, selection)
    let (block, _) = try Self.pages(plan, .read, .supervisor)
    factory.log.begin()
    let count = try honest.run(block).tally.caseCount
    let all = factory.log.accesses.map(\.address)
    let addresses = Set([0, 1, count / 2, count - 1].map { all[$0] })
    factory.habits.lie = { addresses.contains($0.address) ? .dies(.shutdown, record: told) : nil }
    let (_, worker) = try Self.worker(factory, selection)
    let result = try worker.run(block)
    #expect(count > 20 && result.tally.caseCount == count)
    #expect(result.tally.agreedCount == count - 4)
    #expect(result.tally.notRun.isEmpty)
    #expect(result.evidence.agreed.values.reduce(0, +) == count - 4)
    let differences = result.evidence.differences
    #expect(differences.keys.allSatisfy { $0.response == .lost(.shutdown) })
    #expect(differences.values.reduce(0) { $0 + $1.count } == 4)
    for record in differences.values {
      #expect(addresses.contains(record.example.address))
      #expect(record.example.executed == "no answer: the guest ended in a triple fault")
      #expect(record.example.flags == nil && record.example.entries.count == 2)
      #expect(record.example.block == block.index && record.example.matrix == "PDE and PTE")
    }
  }

  @Test("a word that changes without any access to blame is a case of its own, and is put back")
  func strayChange() throws {
    var factory = PaperFactory()
    let (plan, _) = try Self.worker(factory)
    let (block, matrix) = try Self.pages(plan, .read, .user)
    let place = ConformanceTables.firstTable + 500 * 8
    let first = matrix.linearAddress(upper: 0, lower: 0) | 8
    factory.habits.lie = {
      $0.address == first && $0.privilege == .user ? .sets(1 << 9, at: place) : nil
    }
    let (_, worker) = try Self.worker(factory)
    let result = try worker.run(block)
    #expect(result.tally.caseCount == block.caseCount + 1)
    #expect(result.tally.agreedCount == block.caseCount)
    #expect(result.evidence.differences.count == 1)
    let (difference, record) = try #require(result.evidence.differences.first)
    #expect(difference.response == .flags(.other))
    #expect(difference.key.subject.end == .allowed && difference.key.subject.privilege == .user)
    #expect(record.count == 1 && record.example.entries.isEmpty)
    #expect(record.example.address == place)
    #expect(record.example.modelled == "no change" && record.example.executed == "a change")
    #expect(
      record.example.flags == "the word at \(HexadecimalNumber(place)) changed without need")
    // What was wrong is not told of the blocks that follow.
    let (next, _) = try Self.pages(plan, .read, .supervisor)
    let after = try worker.run(next)
    #expect(after.tally.agreedCount == next.caseCount && after.evidence.differences.isEmpty)
  }

  @Test("an A that is missing in the upper entry is told of each access that should have set it")
  func missingAbove() throws {
    var factory = PaperFactory()
    factory.habits.lie = { _ in .lacksAbove }
    let (plan, worker) = try Self.worker(factory, .sample(oneIn: 3))
    for privilege in PrivilegeLevel.allCases {
      let (block, _) = try Self.pages(plan, .read, privilege)
      factory.log.begin()
      let result = try worker.run(block)
      // The PDE is the entry above the last.
      let expected = factory.log.accesses.count {
        $0.code == "ok" && $0.words[$0.words.count - 2] & 0x20 == 0
      }
      let differences = result.evidence.differences
      #expect(differences.keys.allSatisfy { $0.response == .flags(.accessedMissingAbove) })
      #expect(differences.keys.allSatisfy { $0.key.subject.end == .allowed })
      #expect(differences.values.reduce(0) { $0 + $1.count } == expected && expected > 20)
      #expect(result.tally.differingCount == expected)
      #expect(
        result.evidence.agreed.values.reduce(0, +) == result.tally.agreedCount)
      for record in differences.values {
        #expect(record.example.executed == "as modelled")
        #expect(record.example.flags?.contains(" became ") == true)
      }
    }
  }

  @Test("a D that is missing in the leaf is told of each write that should have set it")
  func missingDirty() throws {
    var factory = PaperFactory()
    factory.habits.lie = { _ in .lacks(PageTableEntry.Bit.dirty) }
    let (plan, worker) = try Self.worker(factory, .sample(oneIn: 3))
    for access in [ConformanceAccess.write, .push, .call, .lockedOr] {
      let (block, _) = try Self.pages(plan, access, .supervisor)
      factory.log.begin()
      let result = try worker.run(block)
      let expected = factory.log.accesses.count {
        $0.code == "ok" && ($0.words.last ?? 0) & 0x40 == 0
      }
      let differences = result.evidence.differences
      #expect(differences.keys.allSatisfy { $0.response == .flags(.dirtyMissing) })
      #expect(differences.values.reduce(0) { $0 + $1.count } == expected && expected > 20)
      #expect(result.tally.differingCount == expected)
    }
  }

  @Test("a write that arrives nowhere did not succeed, also where another one left the same word")
  func lostWrites() throws {
    var factory = PaperFactory()
    let (plan, _) = try Self.worker(factory)
    for access in [ConformanceAccess.write, .push, .call] {
      let (block, matrix) = try Self.pages(plan, access, .supervisor)
      let page = matrix.linearAddress(
        upper: 0, lower: try #require(matrix.lower.firstIndex { $0.bits == 7 }))
      let open = try #require(matrix.upper.firstIndex { $0.bits == 7 })
      let target = page + UInt64(open) << 21
      factory.habits.lie = { $0.address & ~0xfff == target ? .nothing : nil }
      let (_, worker) = try Self.worker(factory)
      // The same worker has written to every frame before.
      let result = try worker.run(block)
      #expect(result.evidence.differences.map(\.key.response) == [.wrongPage])
      #expect(result.tally.differingCount == 1)
    }
  }

  @Test("a machine that fails ends the run with its error, and not with a report")
  func failure() throws {
    var factory = PaperFactory()
    factory.habits.failure = { $0.loop == .fetch ? .kvm(.missingCapability(name: "a test")) : nil }
    var options = ConformanceOptions()
    options.profile = .access
    options.workerCount = 2
    options.selection = .pair(upper: 0, lower: 0)
    #expect(throws: MachineError.kvm(.missingCapability(name: "a test"))) {
      try Conformance(factory).run(options, on: factory.profile)
    }
  }

  @Test(
    "a run without anybody to end it comes to its end, and one that is cancelled begins nothing")
  func cancelled() throws {
    var factory = PaperFactory()
    factory.features = [.noExecute, .writeProtect]
    var options = ConformanceOptions()
    options.profile = .access
    options.workerCount = 2
    options.selection = .pair(upper: 1, lower: 1)
    let conformance = Conformance(factory)
    let report = try conformance.run(options, on: factory.profile)
    #expect(report.isComplete && report.total.caseCount == report.profileBlockCount)
    #expect(report.total.agreedCount == report.total.caseCount)
    options.isCancelled = { true }
    let nothing = try conformance.run(options, on: factory.profile)
    #expect(nothing.finished.isEmpty && !nothing.isComplete && nothing.total.caseCount == 0)
    options.isCancelled = { false }
    options.timeLimit = .zero
    let late = try conformance.run(options, on: factory.profile)
    #expect(late.finished.isEmpty && late.total.caseCount == 0)
  }
}
