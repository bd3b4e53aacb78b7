// FirmwareLayout: tables as firmware and boot loaders leave them, word by word.

import GuestMem
import MMU

/// A shape of tables that boot code finds.
enum FirmwareLayout: String, CaseIterable, CustomStringConvertible {
  /// 4 GiB mapped to itself by pages of 2 MiB, as OVMF and Linux's decompressor do.
  case identity2MiB
  /// 4 GiB by pages of 1 GiB, each with another memory type.
  case identity1GiB
  /// One PD linked from four PDPTEs.
  case sharedDirectory
  /// 1 GiB by pages of 2 MiB, and an entry of the root that links the root.
  case recursive
  /// One PDPT linked from the lower and the higher half.
  case higherHalf
  /// Pages of 4 KiB, 2 MiB and 1 GiB with odd bits, below entries that deny rights.
  case restricted
  /// Entries that the processor refuses or that lead nowhere, beside some that are right.
  case malformed

  var description: String { rawValue }
}

/// Writes tables one after the other, from `next` on.
struct FirmwareWriter {
  let memory: MemoryView
  var next: UInt64

  /// P, R/W, A: an entry as firmware leaves it.
  static let link: UInt64 = 0x23
  /// P, R/W, A, D, PS.
  static let large: UInt64 = 0xe3

  mutating func table() -> UInt64 {
    defer { next += 4096 }
    return next
  }

  func set(_ table: UInt64, _ index: Int, _ word: UInt64) {
    memory.storeWord(word, at: physical(table | UInt64(index) << 3))
  }

  /// A PD that maps 1 GiB from `physical` on.
  mutating func directory(_ physical: UInt64, _ bits: UInt64 = large) -> UInt64 {
    let directory = table()
    for index in 0..<512 { set(directory, index, physical + UInt64(index) << 21 | bits) }
    return directory
  }

  /// Writes a layout and answers the root.
  mutating func write(_ layout: FirmwareLayout, levels: Level) -> UInt64 {
    let root = table()
    let level4: UInt64
    if levels == .pageMapLevel5 {
      level4 = table()
      set(root, 0, level4 | Self.link)
      set(root, 511, level4 | Self.link)
    } else {
      level4 = root
    }
    let pointers = table()
    set(level4, 0, pointers | Self.link)
    switch layout {
    case .identity2MiB:
      for index in 0..<4 {
        set(pointers, index, directory(UInt64(index) << 30) | Self.link)
      }
    case .identity1GiB:
      for index in 0..<8 {
        let type = UInt64(index & 3) << 3 | UInt64(index >> 2) << 12
        set(pointers, index, UInt64(index) << 30 | type | 0x100 | Self.large)
      }
    case .sharedDirectory:
      let shared = directory(0)
      for index in 0..<4 { set(pointers, index, shared | Self.link) }
    case .recursive:
      set(pointers, 0, directory(0) | Self.link)
      set(level4, 510, level4 | Self.link)
    case .higherHalf:
      set(pointers, 0, directory(0) | Self.link)
      set(pointers, 510, directory(0) | Self.link)
      set(level4, 256, pointers | Self.link)
      set(level4, 511, pointers | Self.link)
    case .restricted: writeRestricted(level4, pointers)
    case .malformed: writeMalformed(level4, pointers)
    }
    return root
  }

  /// Entries above pages that deny each right, alone and together, with every bit that is ignored.
  private mutating func writeRestricted(_ level4: UInt64, _ pointers: UInt64) {
    let odd: UInt64 = 0x3a5 << 52 | 0xe00
    let noExecute: UInt64 = 1 << 63
    for (index, bits) in [7, 3, 5, 1, noExecute | 7, noExecute | 3, noExecute | 1].enumerated() {
      let directory = table()
      set(pointers, index, directory | bits | 0x18 | odd & ~(1 << 61))
      for entry in 0..<512 where entry % 3 != 2 {
        let rights: UInt64 = [7, 3, 5, 1, noExecute | 7][entry % 5]
        let memoryType = UInt64(entry & 3) << 3 | UInt64(entry >> 2 & 1) << 12
        set(directory, entry, UInt64(entry) << 21 | rights | 0x80 | memoryType | odd)
      }
      let small = table()
      set(directory, 2, small | [7, 3, 5, noExecute | 7][index % 4] | 0x40)
      for entry in 0..<512 {
        let rights: UInt64 = [7, 3, 5, 1, noExecute | 7, 0, 2][entry % 7]
        let status = UInt64(entry & 3) << 5
        set(
          small, entry,
          UInt64(entry) << 12 | rights | status | UInt64(entry & 0x1f) << 3 & 0x98 | odd)
      }
      // What the processor ignores: a swap entry, one that looks like a page without rights.
      set(directory, 5, 0xdead_0000_0000_0082)
      set(directory, 8, 0x7fff_ffff_ffff_fffe)
    }
    for index in 8..<16 {
      set(pointers, index, UInt64(index) << 30 | UInt64(index & 7) | 0x81 | UInt64(index) << 59)
    }
    set(level4, 1, pointers | 5)
    set(level4, 256, pointers | noExecute | 3)
    set(level4, 2, 0xffff_ffff_ffff_fffe)
  }

  /// What the processor refuses, below a part that is right.
  ///
  /// PS at level 4, bits beyond MAXPHYADDR, low address bits of large pages, tables
  /// outside of memory.
  private mutating func writeMalformed(_ level4: UInt64, _ pointers: UInt64) {
    let good = directory(0)
    set(pointers, 0, good | Self.link)
    set(pointers, 1, good | 1 << 50 | Self.link)
    set(pointers, 2, 0x40_0000 | Self.large)
    set(pointers, 3, 0x3_0000_0000 | Self.link)
    set(pointers, 4, 4 << 30 | Self.large)
    set(good, 1, 0x20_2000 | Self.large)
    set(good, 2, 1 << 51 | Self.large)
    set(good, 3, 0x3_0000_0000 | Self.link)
    let small = table()
    set(good, 4, small | Self.link)
    set(small, 0, 1 << 46 | 3)
    set(small, 1, 0x1003)
    set(level4, 1, pointers | 0x80 | Self.link)
    set(level4, 2, 0x3_0000_0000 | Self.link)
    set(level4, 3, pointers | 1 << 47 | Self.link)
  }
}
