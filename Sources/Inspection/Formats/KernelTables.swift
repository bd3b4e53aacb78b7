// KernelTables: where a Linux kernel says that its own tables are.

/// The root of a kernel's tables, as its note in a core says it.
///
/// A kdump has this note and no control registers. The kernel's tables map the kernel; processes
/// have others.
///
/// Source: Linux, Documentation/admin-guide/kdump/vmcoreinfo.rst.
public struct KernelTables: Hashable, Sendable {
  /// The physical address of `swapper_pg_dir`, or of `init_top_pgt`.
  public let rootAddress: UInt64
  /// The tables have 5 levels; nil where the note does not say.
  public let isFiveLevel: Bool?

  /// Where the kernel's text is mapped, `__START_KERNEL_map`.
  private static let textAddress: UInt64 = 0xffff_ffff_8000_0000

  /// Reads the lines of a VMCOREINFO note; nil where they do not say where the root is.
  init?(_ note: some StringProtocol) {
    var symbol: UInt64?
    var physicalBase: UInt64 = 0
    var isFiveLevel: Bool?
    for line in note.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      switch parts[0] {
      case "SYMBOL(swapper_pg_dir)", "SYMBOL(init_top_pgt)": symbol = UInt64(parts[1], radix: 16)
      // Signed: a relocated kernel may lie below where it was linked for.
      case "NUMBER(phys_base)":
        physicalBase = Int64(parts[1]).map(UInt64.init(bitPattern:)) ?? 0
      case "NUMBER(pgtable_l5_enabled)": isFiveLevel = parts[1] == "1"
      default: break
      }
    }
    guard let symbol, symbol >= Self.textAddress else { return nil }
    let address = symbol - Self.textAddress &+ physicalBase
    guard address & 0xfff == 0, address < 1 << 52 else { return nil }
    rootAddress = address
    self.isFiveLevel = isFiveLevel
  }
}
