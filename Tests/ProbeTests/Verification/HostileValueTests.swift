// HostileValueTests: what callers pass that no run of kvmpt would.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("Values from callers")
struct HostileValueTests {
  @Test("tallies add up to the largest number at most, and lists of any length are added")
  func talliesAddUp() {
    var sum = SubjectTally()
    sum.probeCount = .max
    sum.notRun = [.noMachine: .max]
    sum.asked = []
    var other = SubjectTally()
    other.probeCount = 5
    other.notRun = [.noMachine: 5]
    other.asked[5].allowedCount = 7
    sum.merge(other)
    #expect(sum.probeCount == .max)
    #expect(sum.notRun == [.noMachine: .max])
    #expect(sum.asked.map(\.allowedCount) == [0, 0, 0, 0, 0, 7])
  }

  @Test("cases that are too many to be counted never agree")
  func tooManyCasesDiffer() {
    var sum = ConformanceTally()
    sum.caseCount = .max
    sum.agreedCount = .max - 1
    var other = ConformanceTally()
    other.caseCount = 1
    other.agreedCount = 1
    other.guestTime = Duration(secondsComponent: .max, attosecondsComponent: 0)
    for _ in 0..<40 { sum.merge(other) }
    #expect(sum.differingCount > 0)
    #expect(sum.guestTime.components.seconds == .max)
    other.caseCount = .min
    other.agreedCount = .max
    #expect(other.differingCount == .min)
  }

  @Test("blocks are counted without going through them, and foreign ones complete nothing")
  func blocksAreCounted() throws {
    var report = ConformanceReport(
      profile: .quick, shard: .whole, machine: .anyMachine, finished: [], total: ConformanceTally(),
      profileBlockCount: .max, evidence: ConformanceEvidence(), notRun: [:], time: .zero)
    #expect(report.blockCount == .max)
    for (count, number, shares, expected) in [
      (10, 1, 3, 4), (10, 2, 3, 3), (10, 3, 3, 3), (2, 3, 3, 0), (0, 1, 1, 0), (-1, 1, 1, 0),
    ] {
      report.profileBlockCount = count
      report.shard = try #require(ConformanceShard(number, of: shares))
      #expect(report.blockCount == expected)
      #expect(expected == (0..<max(0, count)).count { report.shard.includes($0) })
    }
    report.shard = .whole
    report.profileBlockCount = 2
    report.finished = [0, 77]
    #expect(!report.isComplete)
    report.finished = [0, 1]
    #expect(report.isComplete)
  }

  @Test("a plan may be about mappings and expectations that there are not")
  func planMayBeAboutAnything() throws {
    let space = AddressSpace(memoryByteCount: 16 << 20, mappings: [])
    let built = try BuiltAddressSpace(space, configuration: try PagingConfiguration())
    let subjects: [ProbeSubject] = [
      .mapping(77), .mapping(.min), .gap(nearMapping: .max), .expectation(0), .expectation(-1),
      .kind(.min),
    ]
    let plan = ProbePlan(
      pages: subjects.map {
        ProbePage(exactly: 0x1000, manners: ProbeManners(rawValue: 0xff), subject: $0)
      })
    let report = try Verifier.modelOnly.verify(built, plan: plan)
    #expect(!report.isAgreement)
    #expect(report.total.probeCount == 36)
  }

  @Test("mappings without a placement lead nobody knows where")
  func missingPlacementsSayNothing() {
    let space = AddressSpace(
      memoryByteCount: 16 << 20,
      mappings: [
        Mapping(
          name: "m", linearAddress: LinearAddress(truncating: 0x1000, width: .bits48),
          byteCount: 4096, properties: PageProperties(rights: .read))
      ])
    let page = ProbePage(
      exactly: 0x1000, manners: ProbeManners(rawValue: 0xff), subject: .mapping(0))
    let oracle = AskedOracle(space, placements: [])
    #expect(
      oracle.answer(for: page, ProbeManner(.read, at: .supervisor)) == .expected(.success(nil)))
  }

  @Test(
    "a machine refuses batches that no agent can run, and goes on",
    .enabled(if: Host.hasKVM, "\(Host.kvmReason)"))
  func impossibleBatchesAreRefused() throws {
    let machine = try KVMMachineFactory().makeMachine(
      memory: MachineMemory(zeroed: 1 << 20), agentAddress: 1 << 30)
    let top: UInt64 = 0xffff_ff80_0000_0000
    for (count, window): (Int, UInt64) in [
      (-1, top), (.min, top), (AgentRecords.capacity + 1, top), (.max, top), (1, .max),
      (1, 1 << 63),
      (1, top + 4096),
    ] {
      #expect(throws: MachineError.invalidBatch(recordCount: count, windowAddress: window)) {
        try machine.run(Self.batch(count, window), deadline: .now + .seconds(1))
      }
    }
    guard case .finished = try machine.run(Self.batch(0, top), deadline: .now) else {
      Issue.record("a batch of no records is not finished")
      return
    }
  }

  private static func batch(_ count: Int, _ window: UInt64) -> AgentBatch {
    AgentBatch(
      loop: .read, privilege: .supervisor, recordCount: count, cr3: 0, windowAddress: window,
      state: ProcessorState(ProcessorSettings(), rootLevel: .pageMapLevel4))
  }

  @Test(
    "a profile of a processor that cannot exist is refused",
    .enabled(if: Host.hasKVM, "\(Host.kvmReason)"), arguments: [0, 23, 31, 53, 255] as [UInt8])
  func impossibleProfilesAreRefused(_ width: UInt8) throws {
    var profile = MachineProfile.anyMachine
    profile.physicalAddressWidth = width
    let conformance = Conformance(try KVMMachineFactory())
    #expect(throws: MachineError.invalidProfile(physicalAddressWidth: width)) {
      try conformance.blockCount(of: .access, on: profile)
    }
  }
}
