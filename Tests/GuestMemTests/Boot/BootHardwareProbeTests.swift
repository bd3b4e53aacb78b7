// A root that adopted a firmware's tables, used by a guest.

import Inspection
import MMU
import Probe
import TestHosts
import TestImages
import TestSupport
import Testing

@testable import GuestMem

/// What this machine can do.
private enum Host {
  /// True when guests can run here, or must.
  static let hasKVM = RequiredMachine.mustHaveKVM || (try? KVMMachineFactory()) != nil
}

@Suite(
  "A guest runs on a root that adopted a firmware's tables",
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct BootHardwareProbeTests {
  /// A report about the boot table's root, compared with `mappings` where these are all there are.
  static func report(
    _ machine: borrowing BootMachine, _ mappings: [Mapping]? = nil
  ) throws -> ImageReport {
    let bytes = machine.memory.view.readBytes(
      at: physical(0), count: Int(machine.memory.byteCount))
    let image = try Inspection.MemoryImage(bytes: try #require(bytes))
    let expectation = mappings.map { mappings in
      ImageExpectation(
        space: AddressSpace(memoryByteCount: 16 << 20, mappings: mappings),
        placements: mappings.map { mapping in
          if case .memory(let address) = mapping.target { address.rawValue } else { nil }
        })
    }
    let report = try Verifier().verify(
      image,
      ImageQuestion(
        cr3: machine.table.rootAddress.rawValue, configuration: machine.paging,
        settings: ProcessorSettings(), expectation: expectation))
    print(
      "boot probe: \(report.total.executedCount) probes of \(report.leafCounts.reduce(0, +)) pages"
        + " in \(report.tableCount) tables, \(report.total.disagreementCount) disagree")
    for disagreement in report.disagreements.prefix(3) { Issue.record("\(disagreement.verdict)") }
    return report
  }

  /// A guard page and a read-only page in a 2 MiB page of the firmware, and user pages below entries
  /// that were no user entries.
  static func change(_ machine: inout BootMachine) throws {
    try machine.table.protect(
      linear(0x60_4000), change: PropertyChange(rights: []), allocator: &machine.allocator)
    try machine.table.protect(
      linear(0x60_6000), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    try machine.table.protect(
      linear(0x80_2000), change: PropertyChange(rights: [.read, .execute], isUser: true),
      allocator: &machine.allocator)
    try machine.table.map(
      linear(0x3000_0000_0000), to: physical(0x60_8000),
      properties: PageProperties(rights: [.read, .execute], isUser: true),
      allocator: &machine.allocator)
  }

  /// Pages of 1 GiB, and fetches from the firmware's full tables, which are mapped executable.
  static let mayBeSkipped = lacksOfMachines.union([
    "fetch-from-full-table", "fetch-without-memory",
  ])

  @Test("Model and guest agree about every page, those that show the tables among them")
  func recursive() throws {
    var machine = try BootMachine(.recursive, byteCount: 16 << 20)
    try Self.change(&machine)
    let report = try Self.report(machine)
    #expect(report.agrees(but: Self.mayBeSkipped) && report.total.executedCount > 10_000)
  }

  @Test("The pieces of a split 1 GiB page lead a guest where the page led")
  func oneGiB() throws {
    var machine = try BootMachine(.identity1GiB, byteCount: 16 << 20)
    try machine.table.protect(
      linear(0x60_6000), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    let report = try Self.report(machine)
    // 512 pieces of 4 KiB and 511 of 2 MiB; pages of 1 GiB are run where the machine has them.
    #expect(
      report.agrees(but: Self.mayBeSkipped) && report.total.executedCount >= 1023 * 6 / 2)
  }

  @Test("What was asked for, the model and the guest agree about every page")
  func higherHalf() throws {
    var machine = try BootMachine(.higherHalf, byteCount: 16 << 20)
    try Self.change(&machine)
    var mappings: [Mapping] = []
    func expect(
      _ range: Range<UInt64>, to target: UInt64, _ rights: PageRights, isUser: Bool = false
    ) {
      mappings.append(
        Mapping(
          name: String(range.lowerBound, radix: 16), linearAddress: linear(range.lowerBound),
          byteCount: range.upperBound - range.lowerBound, target: .memory(physical(target)),
          properties: PageProperties(rights: rights, isUser: isUser)))
    }
    let all: PageRights = [.read, .write, .execute]
    expect(0..<0x60_4000, to: 0, all)
    expect(0x60_5000..<0x60_6000, to: 0x60_5000, all)
    expect(0x60_6000..<0x60_7000, to: 0x60_6000, .read)
    expect(0x60_7000..<0x80_2000, to: 0x60_7000, all)
    expect(0x80_2000..<0x80_3000, to: 0x80_2000, [.read, .execute], isUser: true)
    expect(0x80_3000..<0x4000_0000, to: 0x80_3000, all)
    expect(
      0x3000_0000_0000..<0x3000_0000_1000, to: 0x60_8000, [.read, .execute], isUser: true)
    // The other ways to the firmware's PDPT show nothing of it.
    for base in [0, 0xffff_8000_0000_0000, 0xffff_ff80_0000_0000] as [UInt64] {
      for offset in [0, 510 << 30] as [UInt64] where base | offset != 0 {
        expect(base | offset..<(base | offset) + 1 << 30, to: 0, all)
      }
    }
    let report = try Self.report(machine, mappings)
    #expect(report.agrees(but: Self.mayBeSkipped) && report.total.executedCount > 10_000)
    #expect(machine.changedFirmwareByteCount == 0)
  }
}
