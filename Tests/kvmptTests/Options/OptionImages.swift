// OptionImages: an image on which every option about images shows.

import TestImages

/// The files that options are tried on.
final class OptionImages: Sendable {
  static let shared = OptionImages()

  private let rawFile = ImageFile()
  private let coreFile = ImageFile()

  /// Raw memory with its root at 0x1000, and another root at 0xa000.
  var raw: String { rawFile.path }
  /// A core of two processors, whose second root is empty.
  var core: String { coreFile.path }

  private init() {
    var image = TableImage()
    // One table for each level, and a second way to them whose bit 8 is reserved on AMD.
    let tables = [image.makeTable(), image.makeTable(), image.makeTable()]
    image.set(0x2007, at: 0, of: image.root)
    image.set(0x2107, at: 1, of: image.root)
    image.set(0x3007, at: 0, of: tables[0])
    image.set(0x4000_0087, at: 1, of: tables[0])
    image.set(0x4007, at: 0, of: tables[1])
    let leaves: [UInt64] = [
      0x7, 0xb005, 0x8000_0000_0000_6003, 0x0800_0000_0000_7007, 0x800b, 0x100_0000_8003, 0x9001,
      0x900b, 0xb007, 0x4000_000b,
    ]
    for (index, leaf) in leaves.enumerated() { image.set(leaf, at: index, of: tables[2]) }
    image.set(0x2007, at: 0, of: 0xa000)
    try? image.writeRaw(to: rawFile.path, byteCount: 0x1_0000)
    var core = TableImage(root: 0x20_0000)
    core.nextTable = 0x20_2000
    core.map(0x40_0000, to: 0x1000, [.present, .user, .writable])
    core.map(0x40_1000, to: 0x1000, [.present, .user, .writable])
    core.set(0, at: 0, of: 0x20_1000)
    try? core.writeCore(to: coreFile.path, ranges: [0..<0x30_0000], processorCount: 2)
  }
}
