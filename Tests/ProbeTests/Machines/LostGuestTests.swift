// A guest that dies costs its own probe a verdict, not the run.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("A guest that dies costs its own probe, not the run")
struct LostGuestTests {
  /// Ways in which code at CPL 0 can ruin a guest.
  enum Ruin: String, CaseIterable, CustomTestStringConvertible {
    case tripleFault, endlessLoop, interruptTableOverwritten, recordsOverwritten, codeWindowUnmapped

    var testDescription: String { rawValue }

    /// Machine code; RSI is the current record, RDX leads back to the agent.
    var code: [UInt8] {
      switch self {
      case .tripleFault:
        // xor %esp, %esp; ud2: nothing is mapped where the exception's frame should go
        [0x31, 0xe4, 0x0f, 0x0b]
      case .endlessLoop: [0xeb, 0xfe]
      case .interruptTableOverwritten:
        // mov %rdx, %rbx; and $~0xfff, %rbx; movq $0, 0x30e0(%rbx); jmp *%rdx
        [
          0x48, 0x89, 0xd3, 0x48, 0x81, 0xe3, 0x00, 0xf0, 0xff, 0xff, 0x48, 0xc7, 0x83, 0xe0, 0x30,
          0, 0, 0, 0, 0, 0, 0xff, 0xe2,
        ]
      case .recordsOverwritten:
        // mov %rsi, %rdi; and $~0xfff, %rdi; xor %eax, %eax; mov $512, %ecx; rep stosq; jmp *%rdx
        [
          0x48, 0x89, 0xf7, 0x48, 0x81, 0xe7, 0x00, 0xf0, 0xff, 0xff, 0x31, 0xc0, 0xb9, 0, 2, 0, 0,
          0xf3, 0x48, 0xab, 0xff, 0xe2,
        ]
      case .codeWindowUnmapped:
        // mov %rdx, %rbx; and $~0xfff, %rbx; movq $0, 0xc000(%rbx); jmp *%rdx
        [
          0x48, 0x89, 0xd3, 0x48, 0x81, 0xe3, 0x00, 0xf0, 0xff, 0xff, 0x48, 0xc7, 0x83, 0x00, 0xc0,
          0, 0, 0, 0, 0, 0, 0xff, 0xe2,
        ]
      }
    }
  }

  /// Forty executable kernel pages; the tenth holds `code`.
  private func verify(
    _ code: [UInt8], pages: [Int], on factory: any MachineFactory,
    timeLimit: Duration = .seconds(600)
  ) throws -> VerificationReport {
    let first: UInt64 = 0x10_0000
    let mappings = (0..<40).map { index in
      Mapping(
        name: "page \(index)",
        linearAddress: LinearAddress(
          truncating: 0xffff_ffff_8000_0000 + UInt64(index) * 4096, width: .bits48),
        byteCount: 4096,
        target: .memory(GuestPhysicalAddress(truncating: first + UInt64(index) * 4096)),
        properties: PageProperties(rights: [.read, .write, .execute]))
    }
    var options = VerificationOptions()
    options.timeLimit = timeLimit
    for page in pages { options.guestCode[first + UInt64(page) * 4096] = code }
    return try Verifier(factory: factory).verify(
      AddressSpace(memoryByteCount: 4 << 20, mappings: mappings), options: options)
  }

  @Test(
    "every other probe keeps its verdict on KVM", .enabled(if: Host.hasKVM, "needs /dev/kvm"),
    arguments: Ruin.allCases)
  func othersKeepTheirVerdict(_ ruin: Ruin) throws {
    try expectOneIsLost(verify(ruin.code, pages: [10], on: KVMMachineFactory()))
  }

  @Test(
    "every other probe keeps its verdict on QEMU", .enabled(if: Host.hasQEMU, "needs QEMU"),
    arguments: Ruin.allCases)
  func othersKeepTheirVerdictOnQEMU(_ ruin: Ruin) throws {
    try expectOneIsLost(verify(ruin.code, pages: [10], on: QEMUMachineFactory()))
  }

  private func expectOneIsLost(_ report: VerificationReport) throws {
    let total = report.total
    #expect(report.lost.count == 1 && total.lostCount == 1)
    let lost = try #require(report.lost.first)
    #expect(lost.page.subject == .mapping(10))
    #expect(lost.manner == ProbeManner(.fetch, at: .supervisor))
    #expect(total.executedCount == total.probeCount - 1)
    #expect(report.disagreements.isEmpty && report.flagDisagreements.isEmpty)
    #expect(!report.isAgreement)
  }

  @Test("several that die are told apart", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func severalAreToldApart() throws {
    let pages = [0, 1, 17, 39]
    let report = try verify(Ruin.tripleFault.code, pages: pages, on: KVMMachineFactory())
    #expect(report.lost.map(\.page.subject) == pages.map { .mapping($0) })
    #expect(report.total.executedCount == report.total.probeCount - pages.count)
  }

  @Test("the run ends within its time limit", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func runEndsWithinTheLimit() throws {
    let report = try verify(
      Ruin.endlessLoop.code, pages: Array(0..<40), on: KVMMachineFactory(),
      timeLimit: .seconds(2))
    // Each page costs a guest its patience, which is processor time: together more than the limit.
    #expect(!report.isAgreement)
    #expect((report.total.notRun[.timeLimit] ?? 0) > 0)
    #expect(report.total.lostCount < 40)
  }
}
