// Reports of shards that are put together: what belongs together, and every sum.

import KVM
import MMU
import Testing

@testable import Probe

/// A report that a test makes up, and its parts.
enum MadeUpReport {
  static let identity = MachineIdentity(
    name: "KVM", walker: .ept, processorName: "p", kernelRelease: "6.18.0")
  static let machine = MachineProfile(
    identity: identity, vendor: .intel, physicalAddressWidth: 40, features: [.smep, .smap],
    deviations: [])

  static func key(_ level: Level) -> EvidenceKey {
    EvidenceKey(
      DeviationSubject(
        Access(.read), form: .plain, privilege: .user, end: .refused, rootLevel: level),
      modelled: .pageFault([.present, .user]))
  }

  static func example(_ block: Int) -> ConformanceMismatch {
    ConformanceMismatch(
      matrix: "m", block: block, mode: "", entries: [], address: 0, modelled: "", executed: "")
  }

  /// A share with some blocks done: each has 10 cases, of which one differs.
  static func report(
    _ shard: ConformanceShard, finished: Set<Int>, blockCount: Int = 20
  ) -> ConformanceReport {
    var total = ConformanceTally()
    total.caseCount = 10 * finished.count
    total.agreedCount = 9 * finished.count
    total.notRun = [.fetchWithoutMemory: finished.count]
    total.guestTime = .seconds(finished.count)
    var evidence = ConformanceEvidence()
    evidence.add(key(.pageMapLevel4), count: 9 * finished.count)
    for block in finished.sorted() {
      evidence.add(
        EvidenceDifference(key(.pageMapLevel4), .pageFault(4)),
        DifferenceRecord(count: 1, example: example(block)))
    }
    return ConformanceReport(
      profile: .access, shard: shard, machine: machine, finished: finished, total: total,
      profileBlockCount: blockCount, evidence: evidence, notRun: [.noSMEP: 5],
      time: .seconds(2 * finished.count))
  }

  static func shard(_ number: Int, of count: Int) throws -> ConformanceShard {
    try #require(ConformanceShard(number, of: count))
  }
}

@Suite("Reports of shards make one report when they belong together, and every count is a sum")
struct MergedReportTests {
  @Test("Blocks, cases, evidence and times of all shards, in any order")
  func sums() throws {
    let shards = try (1...3).map { number in
      MadeUpReport.report(
        try MadeUpReport.shard(number, of: 3),
        finished: Set((0..<20).filter { $0 % 3 == number - 1 }))
    }
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
      let merged = try ConformanceReport.merged(order.map { shards[$0] })
      #expect(merged.finished == Set(0..<20) && merged.isComplete && merged.shard == .whole)
      #expect(merged.total.caseCount == 200 && merged.total.agreedCount == 180)
      #expect(merged.total.differingCount == 20)
      #expect(merged.total.notRun == [.fetchWithoutMemory: 20])
      #expect(merged.total.guestTime == .seconds(20) && merged.time == .seconds(40))
      #expect(merged.evidence.agreed == [MadeUpReport.key(.pageMapLevel4): 180])
      #expect(merged.evidence.differences.values.map(\.count) == [20])
      #expect(merged.notRun == [.noSMEP: 5] && merged.machine == MadeUpReport.machine)
      // One that is left out is missing.
      let part = try ConformanceReport.merged(order.dropLast().map { shards[$0] })
      #expect(!part.isComplete && part.shard == .whole)
      #expect(part.finished == shards[order[0]].finished.union(shards[order[1]].finished))
    }
    let alone = try ConformanceReport.merged([shards[0]])
    #expect(!alone.isComplete && alone.total == shards[0].total)
  }

  @Test("Whatever does not belong together is refused by its name")
  func refusals() throws {
    let first = MadeUpReport.report(try MadeUpReport.shard(1, of: 2), finished: [0, 2])
    let second = MadeUpReport.report(try MadeUpReport.shard(2, of: 2), finished: [1, 3])
    #expect(throws: Never.self) { _ = try ConformanceReport.merged([first, second]) }
    #expect(throws: ConformanceMergeError.nothing) { _ = try ConformanceReport.merged([]) }
    let changes: [(ConformanceMergeError, (inout ConformanceReport) -> Void)] = [
      (.differentProfiles, { $0.profile = .full }),
      (.differentProfiles, { $0.profileBlockCount = 21 }),
      (.differentMachines, { $0.machine.identity.name = "QEMU" }),
      (.differentMachines, { $0.machine.identity.walker = .npt }),
      (.differentMachines, { $0.machine.identity.hostProcessor = .qemuTCG }),
      (.differentMachines, { $0.machine.vendor = .amd }),
      (.differentMachines, { $0.machine.physicalAddressWidth = 39 }),
      (.differentMachines, { $0.machine.features = [.smep] }),
      (.differentMachines, { $0.machine.features.insert(.noExecute) }),
      (.differentShares, { $0.shard = .whole }),
      (.differentLacks, { $0.notRun = [.noSMEP: 6] }), (.differentLacks, { $0.notRun = [:] }),
      (.contradiction(block: 2), { $0.finished.insert(2) }),
      (.contradiction(block: 0), { $0.finished = [0, 1, 2] }),
    ]
    for (number, (error, change)) in changes.enumerated() {
      var other = second
      change(&other)
      #expect(throws: error, "\(number)") { _ = try ConformanceReport.merged([first, other]) }
      #expect(throws: error, "\(number)") { _ = try ConformanceReport.merged([other, first]) }
      // Behind one that belongs there as well.
      var third = MadeUpReport.report(try MadeUpReport.shard(1, of: 2), finished: [4])
      change(&third)
      third.finished.subtract([2, 0, 1])
      if case .contradiction = error { continue }
      #expect(throws: error, "\(number)") {
        _ = try ConformanceReport.merged([first, second, third])
      }
    }
    // What says nothing about which cases there are may differ.
    let harmless: [(inout ConformanceReport) -> Void] = [
      { $0.machine.identity.processorName = "q" }, { $0.machine.identity.kernelRelease = "1" },
      { $0.machine.identity.programVersion = "1" },
      { $0.machine.deviations = [.rootEntryUnreachableAtUser(index: 256)] },
    ]
    for change in harmless {
      var other = second
      change(&other)
      #expect(throws: Never.self) { _ = try ConformanceReport.merged([first, other]) }
    }
    let errors: [ConformanceMergeError] = [
      .nothing, .differentProfiles, .differentMachines, .differentShares, .differentLacks,
      .contradiction(block: 7),
    ]
    #expect(Set(errors.map(\.id)).count == 6 && Set(errors.map(\.message)).count == 6)
  }

  @Test("Every share of every number of blocks is a part, and all of them are the whole")
  func shares() throws {
    for blockCount in 0...13 {
      for count in 1...6 {
        var all: [Int] = []
        for number in 1...count {
          let shard = try MadeUpReport.shard(number, of: count)
          let own = (0..<blockCount).filter(shard.includes)
          all += own
          var report = MadeUpReport.report(shard, finished: Set(own), blockCount: blockCount)
          #expect(report.blockCount == own.count && report.isComplete)
          for block in own {
            report.finished = Set(own).subtracting([block])
            #expect(!report.isComplete)
            // What is no block of the share does not stand in for it.
            report.finished.insert(blockCount)
            #expect(!report.isComplete)
            if count > 1 {
              report.finished.insert(block + 1)
              #expect(!report.isComplete)
            }
            report.finished.insert(-1)
            #expect(!report.isComplete)
          }
        }
        #expect(all.sorted() == Array(0..<blockCount))
      }
    }
    for (number, count) in [(0, 1), (2, 1), (1, 0), (-1, 3), (4, 3), (1, -1)] {
      #expect(ConformanceShard(number, of: count) == nil)
    }
  }

  @Test("Cases that are too many to be counted count as differing, and never as none")
  func clamping() {
    var tally = ConformanceTally()
    tally.caseCount = .max - 1
    tally.agreedCount = .max - 1
    var other = ConformanceTally()
    other.caseCount = 2
    other.agreedCount = 2
    tally.merge(other)
    #expect(tally.caseCount == .max && tally.differingCount == 1)
    var evidence = ConformanceEvidence()
    evidence.add(MadeUpReport.key(.pageMapLevel4), count: .max)
    evidence.add(MadeUpReport.key(.pageMapLevel4), count: 5)
    evidence.add(MadeUpReport.key(.pageMapLevel5), count: 0)
    #expect(evidence.agreed == [MadeUpReport.key(.pageMapLevel4): .max])
  }
}
