// How long a probe takes in the guest, against the targets for a host with two cores.

import Glibc
import GuestMem
import KVM
import MMU
import Testing

@testable import Probe

/// The targets are those of a PVM host, where CPL 0 is emulated; with EPT or NPT all but the faults
/// at CPL 3 are far faster.
@Suite(
  "Probes are fast enough", .serialized, .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ProbeSpeedTests {
  /// One kind of probe, and how long it may take at most.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let privilege: PrivilegeLevel
    let isMapped: Bool
    /// Whether the pages have been used before in the same guest.
    let isWarm: Bool
    let limit: Duration

    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "CPL 0, quiet", privilege: .supervisor, isMapped: true, isWarm: false,
      limit: .microseconds(20)),
    Case(
      name: "CPL 0, faulting", privilege: .supervisor, isMapped: false, isWarm: false,
      limit: .microseconds(20)),
    Case(
      name: "CPL 3, first touch", privilege: .user, isMapped: true, isWarm: false,
      limit: .microseconds(50)),
    Case(
      name: "CPL 3, next touches", privilege: .user, isMapped: true, isWarm: true,
      limit: .microseconds(1)),
    Case(
      name: "CPL 3, faulting", privilege: .user, isMapped: false, isWarm: false,
      limit: .microseconds(75)),
  ]

  private static let pageCount = 2000

  @Test("each kind of probe stays within its limit", arguments: cases)
  func staysWithinTheLimit(_ kind: Case) throws {
    // The processor time of the vCPU's thread, because the other tests want the cores too; what
    // they do to the caches is noise, so the best of some rounds counts.
    var best = Duration.seconds(1)
    for _ in 0..<7 where best > kind.limit * 0.8 || best == .seconds(1) {
      best = min(best, try measure(kind))
    }
    print("probe time: \(kind.name): \(best) per probe, limit \(kind.limit)")
    #expect(best <= kind.limit)
  }

  /// The time in the guest of one read, the mean over many.
  private func measure(_ kind: Case) throws -> Duration {
    let factory = try KVMMachineFactory()
    let first: UInt64 = 0x40_0000
    let space = AddressSpace(
      memoryByteCount: 32 << 20,
      mappings: [
        Mapping(
          name: "pages", linearAddress: LinearAddress(truncating: first, width: .bits48),
          byteCount: UInt64(Self.pageCount) * 4096,
          properties: PageProperties(rights: [.read, .write], isUser: true),
          pageSize: .exactly(.size4KiB))
      ])
    let built = try Verifier.modelOnly.build(space, nil)
    let slot = AgentSlot(physicalAddress: 3 << 33, rootIndex: 255, rootLevel: .pageMapLevel4)
    let machine = try factory.makeMachine(
      memory: MachineMemory(copyOf: built.memory), agentAddress: slot.physicalAddress)
    let work = VerificationWork(
      built, profile: .anyMachine, plan: ProbePlan(), options: VerificationOptions())
    let experiment = Experiment(machine: machine, cr3: built.cr3, slot: slot, setup: work.setup)
    let batch = AgentBatch(
      loop: .read, privilege: kind.privilege, recordCount: Self.pageCount,
      cr3: slot.rootAddress, windowAddress: slot.windowAddress,
      state: ProcessorState(space.processor, rootLevel: .pageMapLevel4))
    let records = AgentRecords(in: machine.agent)
    let deadline = ContinuousClock.now + .seconds(30)
    var time = Duration.zero
    for round in 0..<(kind.isWarm ? 2 : 1) {
      for index in 0..<Self.pageCount {
        let page = first + UInt64(index) * 4096 + (kind.isMapped ? 0 : 1 << 30)
        records.ask(page, at: index)
      }
      if round == 0 { try experiment.machine.showHostChanges() }
      let start = Self.threadTime()
      let end = try machine.run(batch, deadline: deadline)
      time = Self.threadTime() - start
      guard case .finished = end else {
        Issue.record("the batch did not finish: \(end)")
        return time
      }
    }
    let faults = (0..<Self.pageCount).count { records.answer(at: $0).hasFaulted }
    #expect(faults == (kind.isMapped ? 0 : Self.pageCount))
    return time / Self.pageCount
  }

  /// The processor time that this thread has used, its guests' included.
  private static func threadTime() -> Duration {
    var time = timespec()
    // SAFETY: the kernel fills the structure.
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  @Test("10,000 supervisor pages, all six accesses each")
  func tenThousandPages() throws {
    let space = AddressSpace(
      memoryByteCount: 64 << 20,
      mappings: [
        Mapping(
          name: "pages",
          linearAddress: LinearAddress(truncating: 0xffff_ffff_8000_0000, width: .bits48),
          byteCount: 10_000 * 4096, properties: PageProperties(rights: [.read, .write]),
          pageSize: .exactly(.size4KiB))
      ])
    // Others may want the cores, too: of a few runs the best counts.
    var best: Duration?
    for _ in 0..<3 where best.map({ $0 >= .seconds(3) }) ?? true {
      let report = try Verifier().verify(space)
      print(
        "10,000 pages: \(report.total.executedCount) probes in \(report.times.total),"
          + " \(report.times.guest) of it in guests, \(Int(report.probesPerSecond)) per second")
      #expect(report.isAgreement)
      #expect(report.total.executedCount >= 60_000)
      // Unoptimized, this process takes longer than its guests; the guests' time is the same.
      #if DEBUG
        let time = report.times.guest / processorCount()
      #else
        let time = report.times.total
      #endif
      best = min(best ?? time, time)
    }
    #expect(try #require(best) < .seconds(3))
  }
}
