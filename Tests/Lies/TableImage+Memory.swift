// TableImage+Memory: tables as they stand in memory, for a file.

import GuestMem
import MMU
import TestImages

extension TableImage {
  /// The tables in `frames`, of which the one at `root` is the root.
  init(_ frames: [UInt64], root: UInt64, in memory: MemoryView) {
    self.init(root: root & 0x000f_ffff_ffff_f000)
    for frame in frames {
      for index in 0..<512 {
        let address = GuestPhysicalAddress(truncating: frame + UInt64(index) * 8)
        set(memory.loadWord(at: address) ?? 0, at: index, of: frame)
      }
    }
  }
}
