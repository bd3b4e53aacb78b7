// PlainTables: the leaves below a root, by a walk that shares no code with the product.

import GuestMem
import MMU

/// Reads tables word by word.
///
/// Source: Intel SDM volume 3A, section 5.5.4 (formats of the entries), 5.6.1 (rights), 5.9.2 (PAT);
/// AMD APM volume 2, section 5.3.3 (bit 8 of a PML4E and a PML5E).
struct PlainTables {
  let root: UInt64
  let rootLevel: UInt64
  /// MAXPHYADDR.
  let width: UInt64
  let isNoExecuteEnabled: Bool
  let isAMD: Bool
  let pageAttributeTable: UInt64

  init(root: UInt64, _ configuration: PagingConfiguration, pageAttributeTable: UInt64) {
    self.root = root & 0x000f_ffff_ffff_f000
    rootLevel = UInt64(configuration.rootLevel.rawValue)
    width = UInt64(configuration.physicalAddressWidth)
    isNoExecuteEnabled = configuration.isNoExecuteEnabled
    isAMD = configuration.vendor == .amd
    self.pageAttributeTable = pageAttributeTable
  }

  /// What the tables come to.
  struct Contents: Equatable {
    /// The leaves by address.
    var leaves: [PlainLeaf] = []
    /// Ranges whose tables lie where no memory is: the manual does not say what is read there.
    var unknown: [ClosedRange<UInt64>] = []
    /// Ranges whose entry is present and has reserved bits set: an access faults with RSVD.
    var reserved: [ClosedRange<UInt64>] = []
    /// The frames of all tables, each once.
    var tables: [UInt64] = []
  }

  func contents(in memory: MemoryView) -> Contents {
    var contents = Contents()
    visit(root, rootLevel, 0, Rights(), memory, &contents)
    var known: Set<UInt64> = []
    contents.tables = contents.tables.filter { known.insert($0).inserted }
    return contents
  }

  private struct Rights {
    var isWritable = true
    var isUser = true
    var isExecutable = true
  }

  private func visit(
    _ table: UInt64, _ level: UInt64, _ base: UInt64, _ rights: Rights, _ memory: MemoryView,
    _ contents: inout Contents
  ) {
    contents.tables.append(table)
    let shift = 12 + 9 * (level - 1)
    for index in 0..<UInt64(512) {
      let word = memory.loadWord(at: GuestPhysicalAddress(truncating: table + index * 8)) ?? 0
      guard word & 1 != 0 else { continue }
      var first = base | index << shift
      // Linear addresses are sign-extended from the root's highest bit.
      if level == rootLevel && index >= 256 { first |= ~0 << (shift + 9) }
      let last = first | (1 << shift - 1)
      if word & reserved(word, level) != 0 {
        contents.reserved.append(first...last)
        continue
      }
      var here = rights
      here.isWritable = here.isWritable && word & 2 != 0
      here.isUser = here.isUser && word & 4 != 0
      here.isExecutable = here.isExecutable && word >> 63 == 0
      let isLeaf = level == 1 || (level <= 3 && word & 0x80 != 0)
      if isLeaf {
        contents.leaves.append(leaf(word, level, first, last, here))
        continue
      }
      let next = word & 0x000f_ffff_ffff_f000
      if memory.loadWord(at: GuestPhysicalAddress(truncating: next)) == nil {
        contents.unknown.append(first...last)
      } else {
        visit(next, level - 1, first, here, memory, &contents)
      }
    }
  }

  /// The bits of a present entry that must be 0.
  private func reserved(_ word: UInt64, _ level: UInt64) -> UInt64 {
    var mask: UInt64 = 0
    for bit in width..<52 { mask |= 1 << bit }
    if !isNoExecuteEnabled { mask |= 1 << 63 }
    let isLarge = word & 0x80 != 0
    switch level {
    case 2 where isLarge: mask |= 0x001f_e000
    case 3 where isLarge: mask |= 0x3fff_e000
    case 4, 5: mask |= isAMD ? 0x180 : 0x80
    default: break
    }
    return mask
  }

  private func leaf(
    _ word: UInt64, _ level: UInt64, _ first: UInt64, _ last: UInt64, _ rights: Rights
  ) -> PlainLeaf {
    let offsetMask = last - first
    let pat = word >> (level == 1 ? 7 : 12) & 1
    let index = pat << 2 | word >> 3 & 3
    return PlainLeaf(
      first: first, last: last, physical: word & 0x000f_ffff_ffff_f000 & ~offsetMask,
      size: offsetMask + 1, isWritable: rights.isWritable, isUser: rights.isUser,
      isExecutable: rights.isExecutable, memoryType: pageAttributeTable >> (8 * index) & 7,
      isGlobal: word & 0x100 != 0, key: word >> 59 & 15,
      software: (word >> 9 & 7) | (word >> 52 & 0x7f) << 3, isAccessed: word & 0x20 != 0,
      isDirty: word & 0x40 != 0)
  }
}
