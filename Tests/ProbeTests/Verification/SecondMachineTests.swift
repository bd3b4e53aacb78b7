// Two machines: what the first one left unproved, and everything.

import GuestMem
import KVM
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("A second machine is asked", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct SecondMachineTests {
  /// A rule that explains every access at CPL 3 below the first root entry, whatever the machine.
  private static let rule = Deviation.rootEntryUnreachableAtUser(index: 0)

  /// A page for CPL 3 and one for CPL 0, both below the first root entry.
  private static var space: AddressSpace {
    func page(_ name: String, _ address: UInt64, isUser: Bool) -> Mapping {
      Mapping(
        name: name, linearAddress: LinearAddress(truncating: address, width: .bits48),
        byteCount: 4096, properties: PageProperties(rights: [.read, .write], isUser: isUser))
    }
    return AddressSpace(
      memoryByteCount: 1 << 20,
      mappings: [page("user", 0x40_0000, isUser: true), page("kernel", 0x80_0000, isUser: false)])
  }

  private static func verifier() throws -> Verifier {
    var verifier = try Verifier()
    verifier.knownDeviations = [rule]
    return verifier
  }

  @Test("about what the first one left unproved, and about nothing else")
  func unproved() throws {
    var verifier = try Self.verifier()
    let alone = try verifier.verify(Self.space)
    #expect(alone.verdict == .unproved)
    let explained = alone.total.deviations.values.reduce(0, +)
    #expect(explained > 0 && explained < alone.total.probeCount)
    #expect(alone.machines.answers.count == 1)
    verifier.second = SecondMachine(asked: .unproved) { () throws(MachineError) in
      try KVMMachineFactory()
    }
    let report = try verifier.verify(Self.space)
    #expect(report.isAgreement, "\(report.unproved)")
    #expect(report.total.probeCount == alone.total.probeCount)
    #expect(report.total.agreementCount == report.total.probeCount)
    let answers = report.machines.answers.map(\.total)
    #expect(answers.map(\.executedCount) == [alone.total.probeCount - explained, explained])
    #expect(answers.allSatisfy { $0.deviations.isEmpty })
  }

  @Test("about everything, and both must prove it")
  func everything() throws {
    var verifier = try Self.verifier()
    verifier.second = SecondMachine(asked: .everything) { () throws(MachineError) in
      try KVMMachineFactory()
    }
    let report = try verifier.verify(Self.space)
    #expect(report.verdict == .unproved)
    let answers = report.machines.answers.map(\.total)
    #expect(answers.count == 2 && answers[0].probeCount == answers[1].probeCount)
    #expect(report.total.probeCount == 2 * answers[0].probeCount)
    #expect(answers[1].agreementCount == answers[1].probeCount)
    // The first one's answers are as the manual says, though its rule lets them prove nothing.
    #expect(report.machines.differenceCount == 0)
  }

  @Test("but not opened where nothing is left")
  func notNeeded() throws {
    var verifier = try Verifier()
    verifier.second = SecondMachine(asked: .unproved) { () throws(MachineError) in
      throw .calibrationFailed("nobody may ask for it")
    }
    let report = try verifier.verify(Self.space)
    #expect(report.isAgreement)
    #expect(report.machines.problem == nil)
  }

  @Test("and where it cannot be had, the rest is unproved and says why")
  func missing() throws {
    var verifier = try Self.verifier()
    verifier.second = SecondMachine(asked: .unproved) { () throws(MachineError) in
      throw .calibrationFailed("there is none")
    }
    let report = try verifier.verify(Self.space)
    #expect(report.verdict == .unproved)
    #expect(report.machines.problem == .calibrationFailed("there is none"))
    let part = try #require(report.unproved.first)
    #expect(part.reason == .explained)
    #expect(part.remedy.contains("there is none"))
    #expect(report.machines.answers.map(\.total.probeCount) == [report.total.probeCount])
  }

  @Test("unless the run is over")
  func interrupted() throws {
    var verifier = try Self.verifier()
    verifier.second = SecondMachine(asked: .unproved) { () throws(MachineError) in
      throw .calibrationFailed("nobody may ask for it")
    }
    var options = VerificationOptions()
    options.timeLimit = .seconds(1800)
    options.isCancelled = { true }
    let report = try verifier.verify(Self.space, options: options)
    #expect(report.verdict == .interrupted)
    #expect(report.machines.problem == nil)
  }

  @Test("Two machines differ where both answered, and not alike")
  func differences() {
    func verdict(_ address: UInt64, _ executed: ProbeOutcome) -> ProbeVerdict {
      ProbeVerdict(
        page: ProbePage(containing: address, subject: .mapping(0)),
        manner: ProbeManner(.read, at: .user), address: address, asked: .forbidden,
        modelled: .pageFault([.present, .user]), executed: executed, deviations: [],
        rootLevel: .pageMapLevel4
      ) {
        fatalError("there is no rule")
      }
    }
    func fault(_ code: UInt32, at address: UInt64) -> ProbeOutcome {
      .pageFault(errorCode: code, cr2: address)
    }
    var (first, second) = (OtherAnswers(), OtherAnswers())
    // As the manual says on both; on the second one only; otherwise, but on both; not asked.
    for (address, one, other) in [
      (0x1000, fault(5, at: 0x1000), fault(5, at: 0x1000)),
      (0x2000, fault(4, at: 0x2000), fault(5, at: 0x2000)),
      (0x3000, fault(4, at: 0x3000), fault(4, at: 0x3000)),
      (0x4000, fault(4, at: 0x4000), .notRun(.no1GiBPages)),
    ] as [(UInt64, ProbeOutcome, ProbeOutcome)] {
      first.add(verdict(address, one))
      second.add(verdict(address, other))
    }
    let found = first.differences(from: second)
    #expect(found.map(\.address) == [0x2000])
    #expect(found.first?.first == fault(4, at: 0x2000))
    #expect(found.first?.second == nil)
  }
}
