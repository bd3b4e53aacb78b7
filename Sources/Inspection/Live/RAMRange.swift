// RAMRange: where a running QEMU's guest has memory.

internal import MMU

/// A range of guest-physical memory.
struct RAMRange: Equatable {
  let physicalAddress: UInt64
  let byteCount: UInt64

  /// The ranges that `info mtree -f` prints for the address space that the processors see, by address.
  ///
  /// A flat view is printed for all address spaces that share it, `memory` among them. RAM and ROM count;
  /// devices do not.
  ///
  /// Source: QEMU, softmmu/memory.c, `mtree_print_flatview` (system/memory.c since 8.2).
  static func ranges(inFlatViews text: String) -> [RAMRange] {
    var ranges: [RAMRange] = []
    var isRight = false
    for line in text.split(separator: "\n") {
      let words = line.drop { $0 == " " }
      if words.hasPrefix("FlatView #") {
        if !ranges.isEmpty { break }
        isRight = false
      } else if words.hasPrefix("AS \"memory\"") {
        isRight = true
      } else if isRight, let range = RAMRange(words) {
        ranges.append(range)
      }
    }
    return ranges
  }

  /// Reads `0000000000000000-00000000000bffff (prio 0, ram): pc.ram`.
  private init?(_ line: Substring) {
    guard let dash = line.firstIndex(of: "-"), let space = line.firstIndex(of: " "), dash < space,
      let first = UInt64(line[..<dash], radix: 16),
      let last = UInt64(line[line.index(after: dash)..<space], radix: 16),
      let comma = line.firstIndex(of: ","), let close = line.firstIndex(of: ")"), comma < close,
      first <= last, last < 1 << 52
    else { return nil }
    let kind = line[line.index(after: comma)..<close].drop { $0 == " " }
    guard ["ram", "rom", "romd", "ramd", "nv-ram", "nv-rom"].contains(kind) else { return nil }
    physicalAddress = first
    byteCount = last - first + 1
  }

  init(physicalAddress: UInt64, byteCount: UInt64) {
    self.physicalAddress = physicalAddress
    self.byteCount = byteCount
  }
}
