// BootImage: a guest's memory with a kernel in it, ready to be entered.

package import GuestMem
package import MMU

/// Guest memory that holds a kernel and what it starts with.
///
/// RAM is one range from physical address 0 on. The end of it is kvmpt's: the handover page, the stack
/// and the tables.
package struct BootImage: ~Copyable {
  /// The guest's RAM, a memory file.
  package let memory: GuestMemory
  /// How the kernel is entered.
  package let start: BootStart
  /// The physical address of the handover page.
  package let handoverAddress: UInt64
  /// How much was added to physical addresses of segments that lie outside of RAM, because the kernel
  /// is linked in the upper half and gives no others; nil where they were taken as they are.
  package let relocation: UInt64?
  /// Where in physical memory the kernel's code is.
  package let code: [Range<UInt64>]
}

/// How a kernel is entered.
package enum BootStart: Hashable, Sendable {
  /// In 64-bit mode at `entry` on the tables below `root`, with RSP at `stackPointer`.
  case longMode(entry: UInt64, root: UInt64, stackPointer: UInt64)
  /// In 32-bit mode without paging, by the PVH protocol.
  case pvh(entry: UInt32)
}

/// Linear addresses that kvmpt's tables use for what is not the kernel's.
package enum BootAddresses {
  /// All of RAM, writable and not executable.
  package static let directMap: UInt64 = 0xffff_8000_0000_0000
  /// The lowest address of the stack; the pages below it and above it are not mapped.
  package static let stack: UInt64 = 0xffff_c000_0001_0000
  /// The size of the stack in bytes.
  package static let stackByteCount: UInt64 = 0x10000
}

extension BootImage {
  /// The tables that the kernel starts on; nil where it makes its own.
  package var firstTables: PageTables? {
    guard case .longMode(_, let root, _) = start, let configuration = try? PagingConfiguration()
    else { return nil }
    return PageTables(cr3: root, configuration: configuration)
  }
}
