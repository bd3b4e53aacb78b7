// What conform and verify make of a machine that does not follow the manual.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("A machine that differs is described by rules", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct DeviatingMachineTests {
  /// The rules that follow from some blocks of the matrices, in which the host itself follows the
  /// manual.
  private func rules(of factory: any MachineFactory) throws -> [Deviation] {
    let conformance = Conformance(factory)
    let machine = try conformance.machineProfile()
    let plan = try conformance.plan(.full, machine)
    let worker = ConformanceWorker(
      plan, machine, factory, ContinuousClock.now + .seconds(600), .sample(oneIn: 97))
    var evidence = ConformanceEvidence()
    for block in plan.blocks where block.index % 29 == 0 {
      guard case .matrix = block.work else { continue }
      evidence.merge(try worker.run(block).evidence)
    }
    let findings = ConformanceFindings(evidence)
    for difference in findings.unexplained.prefix(3) { Issue.record("\(difference)") }
    return findings.rules.map(\.rule)
  }

  @Test("a missing P in reserved-bit faults is found as one rule, as of QEMU TCG")
  func missingPresent() throws {
    let factory = DeviatingFactory(inner: try KVMMachineFactory()) { code, _ in
      code & 8 != 0 ? code & ~1 : code
    }
    let rules = try rules(of: factory)
    #expect(rules == [.reservedBitFaultWithoutPresent])
  }

  @Test("a difference that calibration does not know is a rule, which verify takes from a profile")
  func unknownDifference() throws {
    // Refused fetches at CPL 3 are reported without I/D.
    let factory = DeviatingFactory(inner: try KVMMachineFactory()) { code, batch in
      batch.privilege == .user && batch.loop == .fetch && code & 9 == 1 ? code & ~16 : code
    }
    let rules = try rules(of: factory)
    // Only fetches have an I that can be missing.
    #expect(
      rules == [
        Deviation(
          when: [.end(.refused), .privilege(.user)],
          .errorCodeLacks(PageFaultErrorCode.instructionFetch.rawValue))
      ])
    let space = AddressSpace(
      memoryByteCount: 4 << 20,
      mappings: [
        Mapping(
          name: "data", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
          byteCount: 0x4000, properties: PageProperties(rights: [.read, .write], isUser: true))
      ])
    var verifier = Verifier(factory: factory)
    #expect(throws: VerificationError.self) { try verifier.verify(space) }
    verifier.knownDeviations = rules
    let report = try verifier.verify(space)
    #expect(report.agrees(but: ["explained"]) && !report.isAgreement)
    #expect(report.total.deviations.values.reduce(0, +) > 0)
  }
}
