// AuditConditions: what an audit knows besides the tables.

/// The processor's state and the memory that an audit judges tables by.
public struct AuditConditions: Sendable {
  /// IA32_PAT.
  public var pat: UInt64
  /// CR0.WP, CR4.SMEP, CR4.SMAP and the keys; the privilege is not looked at.
  public var mode: CPUMode
  /// CR4.CET: shadow stacks can be on.
  public var isCETEnabled = false
  /// An address in the user's stack where one is known.
  public var userStack: UInt64?
  /// What the processor's registers point at, where they are known.
  public var registerUses: [RegisterUse] = []
  /// Where memory is, by address and without overlaps; empty where nobody knows.
  public var memory: [Range<UInt64>] = []

  /// IA32_PAT and the modes; nothing else is known.
  public init(pat: UInt64, mode: CPUMode = CPUMode(privilege: .supervisor)) {
    self.pat = pat
    self.mode = mode
  }
}

/// Which memory there is, as far as an audit can tell.
///
/// An image that holds hardly more than its tables was cut down to them: it says nothing about
/// memory, and only what no machine has lies beyond memory.
struct AuditedMemory {
  /// More memory than any machine has: 46 bits.
  ///
  /// Source: Linux, MAX_PHYSMEM_BITS of 4-level paging in arch/x86/include/asm/sparsemem.h.
  static let anyMachine: UInt64 = 1 << 46
  /// Where addresses of entries that are not present reach no cache line that holds data: the upper
  /// half of the 46 bits that caches look at.
  ///
  /// Source: Linux, `l1tf_pfn_limit` and `x86_cache_bits`.
  static let anyCache: UInt64 = 1 << 45
  /// I/O APICs, HPET, local APICs and the firmware's flash, whatever the memory type says.
  ///
  /// Source: Intel SDM volume 3A, section 12.4.1 (local APIC); Intel chip sets' memory maps.
  static let devices: Range<UInt64> = 0xfec0_0000..<0x1_0000_0000

  let end: UInt64
  private let byteCount: UInt64

  init(_ ranges: [Range<UInt64>]) {
    end = ranges.reduce(0) { max($0, $1.upperBound) }
    byteCount = ranges.reduce(0) { $0 &+ ($1.upperBound - $1.lowerBound) }
  }

  /// True when the ranges are known, and more than the tables in them.
  func isWhole(besides tableCount: Int) -> Bool {
    byteCount / 4 >= UInt64(tableCount) << 12 && end > 0
  }
}
