// HandMadeReport: a report about probes whose every part a test chooses.

import GuestMem
import KVM
import MMU
import Testing

@testable import Probe
@testable import kvmpt

/// A report of probes that nobody made, on machines that there are not.
struct HandMadeReport: ProofReport {
  var profile: MachineProfile?
  var machines = MachinesAsked()
  var tallies: [ProbeSubject: SubjectTally] = [:]
  var disagreements: [Disagreement] = []
  var lost: [ProbeVerdict] = []
  var flagDisagreements: [FlagDisagreement] = []
  var comparison: RangeComparison?
  var excusedFlags: [Deviation: Int] = [:]
  var unplannedCount = 0
  var unprovedTables: [Unproved] = []
  var times = VerificationTimes(
    total: .milliseconds(2050), calibration: .milliseconds(7), execution: .seconds(2),
    guest: .zero)

  /// Two mappings that touch, a third one, and nothing else.
  static let space = AddressSpace(
    memoryByteCount: 4 << 20,
    mappings: zip(["first", "second", "third"], [0x1000, 0x2000, 0x8000] as [UInt64]).map {
      Mapping(
        name: $0, linearAddress: LinearAddress(truncating: $1, width: .bits48), byteCount: 4096,
        properties: PageProperties(rights: [.read, .write]))
    }, name: "space")

  /// A machine that is known by its name.
  static func machine(_ name: String) -> MachineProfile {
    MachineProfile(
      identity: MachineIdentity(
        name: name, walker: .ept, processorName: "p", kernelRelease: "6.18.0"),
      vendor: .intel, physicalAddressWidth: 40, features: [.noExecute], deviations: [])
  }

  /// Three answers about a page of `subject`.
  enum Answers: CaseIterable { case agreeing, wrongTables, wrongMachine, notRun, lost }

  static func verdict(
    _ subject: ProbeSubject, _ answers: Answers, at address: UInt64 = 0x1000,
    _ manner: ProbeManner = ProbeManner(.read, at: .user), isExact: Bool = false,
    probedAt probed: UInt64? = nil
  ) -> ProbeVerdict {
    let page =
      isExact
      ? ProbePage(exactly: address, subject: subject)
      : ProbePage(containing: address, subject: subject)
    let modelled = AccessOutcome.success(GuestPhysicalAddress(truncating: 0x7000))
    let executed: ProbeOutcome =
      switch answers {
      case .agreeing, .wrongTables: .success(.page(0x7000))
      case .wrongMachine: .pageFault(errorCode: 5, cr2: probed ?? address)
      case .notRun: .notRun(.noMachine)
      case .lost: .lost(.shutdown)
      }
    return ProbeVerdict(
      page: page, manner: manner, address: probed ?? address,
      asked: .allowed(page: answers == .wrongTables ? 0x9000 : 0x7000), modelled: modelled,
      executed: executed, deviations: [], rootLevel: .pageMapLevel4,
      subject: { preconditionFailure("there are no rules") })
  }

  /// The verdict with the walk through tables that map nothing.
  static func disagreement(_ verdict: ProbeVerdict) throws -> Disagreement {
    let configuration = try PagingConfiguration()
    let memory = EmptyMemory()
    return Disagreement(
      verdict, cr3: 0, configuration: configuration, processor: ProcessorSettings(), in: memory,
      TableUses(of: PageTables(cr3: 0, configuration: configuration), in: memory))
  }

  /// Memory of zeros.
  private struct EmptyMemory: PhysicalMemory {
    func loadWord(at address: GuestPhysicalAddress) -> UInt64? { 0 }
  }

  /// What machines answered, each about `subject`, in the order in which they were asked.
  mutating func add(
    _ name: String, about subject: ProbeSubject = .mapping(0), _ answers: [Answers]
  ) throws {
    var collector = VerdictCollector(machine: name)
    for answer in answers { collector.add(Self.verdict(subject, answer)) }
    let machine = Self.machine(name)
    machines.answers.append(MachineAnswers(machine, collector))
    profile = profile ?? machine
    for (subject, tally) in collector.tallies {
      tallies[subject, default: SubjectTally()].merge(tally)
    }
    disagreements += try collector.disagreements.map(Self.disagreement)
    lost += collector.lost
  }
}
