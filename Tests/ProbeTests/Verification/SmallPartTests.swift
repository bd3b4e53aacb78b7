// Parts of a verdict by themselves: rules about flags, progress, places of the agent.

import GuestMem
import MMU
import Synchronization
import TestSupport
import Testing

@testable import Probe

@Suite("Each small part of a verdict does what it says")
struct SmallPartTests {
  @Test("a rule about A of a leaf needs the leaf, A alone, and that nothing had to be set")
  func markedLeaf() {
    let leaf: UInt64 = 0x1007
    let large = leaf | PageTableEntry.Bit.pageSize
    let accessed = PageTableEntry.Bit.accessed
    func rule(
      _ level: Level?, _ before: UInt64, _ after: UInt64, must: UInt64 = 0
    ) -> Deviation? {
      Deviation(
        explaining: FlagDisagreement(
          entryAddress: 0x2000, manner: ProbeManner(.read, at: .user), before: before, after: after,
          mustSet: must, maySet: 0, page: nil, level: level))
    }
    #expect(rule(.pageTable, leaf, leaf | accessed) == .faultMarksLeaf(level: .pageTable))
    #expect(rule(.pageDirectory, large, large | accessed) == .faultMarksLeaf(level: .pageDirectory))
    #expect(rule(.pageDirectory, leaf, leaf | accessed) == nil)
    #expect(rule(nil, leaf, leaf | accessed) == nil)
    #expect(rule(.pageTable, leaf & ~1, leaf & ~1 | accessed) == nil)
    #expect(rule(.pageTable, leaf, leaf | accessed | PageTableEntry.Bit.dirty) == nil)
    #expect(rule(.pageTable, leaf, leaf) == nil)
    #expect(rule(.pageTable, leaf, leaf | accessed, must: PageTableEntry.Bit.dirty) == nil)
    #expect(rule(.pageTable, leaf, leaf | accessed, must: accessed) == nil)
  }

  @Test("every kind of flag difference is a bit of its own")
  func flagBits() {
    let all: [FlagDifference] = [
      .accessedMissing, .accessedExtra, .dirtyMissing, .dirtyExtra, .other, .accessedMissingAbove,
      .accessedExtraAbove,
    ]
    #expect(all.allSatisfy { $0.rawValue.nonzeroBitCount == 1 })
    #expect(Set(all.map(\.rawValue)).count == all.count)
    #expect(FlagDifference.excusable == FlagDifference(all).subtracting(.other))
  }

  @Test("who asks how long it takes is told at the start, and once there is a rate")
  func estimates() {
    let told = Mutex<[VerificationEstimate]>([])
    let counter = ProgressCounter(
      totalCount: 10,
      estimator: ProgressCounter.Estimator(
        machine: "m", deadline: ContinuousClock.now + .seconds(60)
      ) { estimate in told.withLock { $0.append(estimate) } })
    func counts() -> [Int] { told.withLock { $0.map(\.doneCount) } }
    #expect(counts() == [0])
    counter.noteRound()
    #expect(counts() == [0])
    counter.advance(by: 4)
    counter.noteRound()
    counter.advance(by: 2)
    counter.noteRound()
    #expect(counts() == [0, 4])
    #expect(told.withLock { $0.allSatisfy { $0.probeCount == 10 && $0.machine == "m" } })
  }

  @Test("who finishes in one round is not told of a rate")
  func noEstimate() {
    let told = Atomic<Int>(0)
    let counter = ProgressCounter(
      totalCount: 3,
      estimator: ProgressCounter.Estimator(machine: "m", deadline: ContinuousClock.now) { _ in
        told.add(1, ordering: .relaxed)
      })
    counter.advance(by: 3)
    counter.noteRound()
    #expect(told.load(ordering: .relaxed) == 1)
  }

  @Test("the agent lies beside memory, below MAXPHYADDR and on no device, or nowhere")
  func agentPlace() {
    var generator = SeededGenerator(seed: 30)
    var foundCount = 0
    for width in 20...52 as ClosedRange<UInt8> {
      for round in 0..<200 {
        // Sizes at both sides of the places that may be chosen, too.
        let shift = UInt64.random(in: 12...UInt64(width), using: &generator)
        let edge: UInt64 = 3 << UInt64(max(24, width) - 2)
        let memory =
          round % 4 == 0
          ? edge &+ UInt64.random(in: 0...(1 << 30), using: &generator) &- (1 << 29)
          : UInt64.random(in: 0...(1 << shift), using: &generator)
        let start = UInt64.random(in: 0..<(1 << UInt64(width)), using: &generator)
        let device = start..<start + (1 << 28)
        let place = AgentSlot.physicalAddress(
          memoryByteCount: memory, occupied: [device], addressWidth: width)
        guard let place else { continue }
        foundCount += 1
        let slot = place..<place + (4 << 20)
        #expect(place >= memory, "\(width) \(memory)")
        #expect(slot.upperBound <= 1 << UInt64(width))
        #expect(place >= 1 << 32 || width < 34)
        #expect(!(place..<place + 4096).overlaps(device))
      }
    }
    #expect(foundCount > 1000)
  }

  @Test("pages that a plan had no room for are counted by their reason")
  func unplanned() throws {
    var plan = ProbePlan()
    plan.addUnplanned(7, of: .mapping(2))
    var passes = try ProofPasses(
      ProofPass(profile: nil, collector: VerdictCollector(), disagreements: []), plan: plan,
      second: nil, isMachine: { (error: MachineError) in error },
      ask: { (_, _) throws(MachineError) in throw .calibrationUnfinished })
    passes.addUnplanned(plan)
    #expect(passes.collector.tallies[.mapping(2)]?.notRun[.beyondPlan] == 7 * 6)
  }

  @Test("a mapping of a file shows no more than it has")
  func fileMapping() throws {
    let mapping = try FileMapping(byteCount: 8192)
    #expect(mapping.view(byteCount: 4096).byteCount == 4096)
    #expect(mapping.view(byteCount: 8192).byteCount == 8192)
    #expect(mapping.view(byteCount: 1 << 40).byteCount == 8192)
  }

  @Test("a feature that allows what it should stop does not work, whoever explains the rest")
  func idleFeature() throws {
    for unexplained in [Calibrator.UnexplainedPolicy.leave, .fail] {
      var factory = PaperFactory()
      factory.habits.lie = { access in
        guard access.state.cr4 >> 20 & 1 != 0, access.loop == .fetch,
          access.privilege == .supervisor, case .pageFault = access.outcome
        else { return nil }
        return .nothing
      }
      let profile = try Calibrator(factory: factory).profile(
        trying: [.smep, .smap], unexplained: unexplained)
      #expect(!profile.features.contains(.smep) && profile.features.contains(.smap))
    }
  }

  @Test("a feature that stops what it should allow does not work, whoever explains the rest")
  func refusedFeature() throws {
    for unexplained in [Calibrator.UnexplainedPolicy.leave, .fail] {
      var factory = PaperFactory()
      factory.habits.lie = { access in
        guard access.state.cr4 >> 20 & 1 != 0, access.privilege == .supervisor,
          case .success = access.outcome
        else { return nil }
        return .fault(vector: 14, code: 1)
      }
      let profile = try Calibrator(factory: factory).profile(
        trying: [.smep, .smap], unexplained: unexplained)
      #expect(!profile.features.contains(.smep) && profile.features.contains(.smap))
    }
  }
}
