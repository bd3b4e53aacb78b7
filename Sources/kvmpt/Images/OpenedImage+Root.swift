// OpenedImage, root: why a root leads to no page.

import GuestMem
import Inspection
import MMU
import Probe

extension OpenedImage {
  /// Why nothing is mapped below the root, in a line.
  func emptyRootReason() -> String {
    let root = tables.rootAddress.rawValue
    let words = (0..<512 as Range<UInt64>).compactMap {
      memory.loadWord(at: GuestPhysicalAddress(truncating: root + $0 * 8))
    }.filter { $0 != 0 }
    let present = words.filter { $0 & 1 != 0 }
    let place = "the root at \(HexadecimalNumber(root))"
    let head = "no page is mapped: CR3 0x\(String(cr3, radix: 16)) leads nowhere: "
    if words.isEmpty { return head + "all entries of \(place) are 0; check --cr3" }
    if present.isEmpty {
      return head + "\(place) has \(counted(words.count, "word")) that"
        + " \(words.count == 1 ? "is" : "are") not 0, none of them with P: it is no root; check --cr3"
    }
    if let bit = encryptionBit(of: present) {
      return head
        + "bit \(bit) is set in all \(counted(present.count, "entry", "entries")) of \(place)"
        + " that \(present.count == 1 ? "has" : "have") P, and without it they lead to memory: it may be"
        + " the encryption bit of SEV, SME or TDX, which the image has to be freed of"
    }
    return head + "\(counted(present.count, "entry", "entries")) of \(place)"
      + " \(present.count == 1 ? "has" : "have") P, and no page is below; check --cr3 and --physical-bits"
  }

  /// A bit of the address that is set in all of `entries`, and without which all lead to memory.
  private func encryptionBit(of entries: [UInt64]) -> Int? {
    let common = entries.reduce(UInt64.max, &) & PageTableEntry.Bit.address
    return (32..<52).first { bit in
      common >> UInt64(bit) & 1 != 0
        && entries.allSatisfy {
          let address = $0 & PageTableEntry.Bit.address & ~(1 << UInt64(bit))
          return memory.segment(at: GuestPhysicalAddress(truncating: address)) != nil
        }
    }
  }

  /// What to try where the root is in memory but for one of its high bits.
  static func encryptionHint(
    _ root: GuestPhysicalAddress, _ memory: borrowing MemoryImage
  ) -> String? {
    for bit in 32..<52 as Range<UInt64> where root.rawValue >> bit & 1 != 0 {
      let address = GuestPhysicalAddress(truncating: root.rawValue & ~(1 << bit))
      guard memory.segment(at: address) != nil else { continue }
      return "bit \(bit) may be the encryption bit of SEV, SME or TDX: try --cr3"
        + " 0x\(String(address.rawValue, radix: 16)), on an image that is not encrypted"
    }
    return nil
  }
}
