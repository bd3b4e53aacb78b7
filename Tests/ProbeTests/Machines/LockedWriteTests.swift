// Writes to pages that are tables, on a machine whose locked operations read first.

import GuestMem
import Inspection
import MMU
import TestHosts
import TestImages
import Testing

@testable import Probe

@Suite("A machine whose locked operations fault as reads proves tables all the same")
struct LockedWriteTests {
  /// What QEMU's emulator does for a virtual machine inside of it, on one thread: a locked operation
  /// loads first, and the fault is that of the load.
  private static func factory(_ inner: any MachineFactory) -> DeviatingFactory {
    DeviatingFactory(inner: inner) { code, batch in batch.loop == .lockedOr ? code & ~2 : code }
  }

  @Test("that CPL 3 may not write", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func supervisorTable() throws {
    var image = TableImage()
    // The root and the tables below it, where the supervisor can write and where nobody can.
    for page in 0..<UInt64(4) {
      image.map(0x40_0000 + page << 12, to: image.root + page << 12, [.present, .writable])
      image.map(0x80_0000 + page << 12, to: image.root + page << 12, [.present])
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    let memory = try MemoryImage(
      path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0)))
    let verifier = Verifier(factory: Self.factory(try KVMMachineFactory()))
    let report = try verifier.verify(
      memory,
      ImageQuestion(
        cr3: image.root, configuration: try PagingConfiguration(physicalAddressWidth: 52),
        settings: ProcessorSettings()))
    #expect(report.disagreements.map(\.verdict.address) == [])
    #expect(!report.hasDisagreement)
    #expect(report.total.executedCount > 8 * 5)
  }
}
