// MakeImage: writes the large images that Benchmarks/images/run measures.
//   swift run -c release MakeImage FOLDER

import TestImages
import TestSupport

/// Half a million leaves in no order, so that hardly any two make a run; raw memory of 4 GiB.
func writeLeaves(to path: String) throws(ImageFileError) {
  var image = TableImage(root: 0x10_0000)
  var random = SeededGenerator(seed: 1)
  for index in 0..<UInt64(500_000) {
    // An odd factor takes every frame of the upper 2 GiB once.
    let frame = 0x8_0000 + index &* 0x2_4cd5 & 0x7_ffff
    var bits: TableImage.Bits = .present
    let choice = random.next()
    if choice & 1 != 0 { bits.insert(.writable) }
    if choice & 2 != 0 { bits.insert(.user) }
    if choice & 4 != 0 { bits.insert(.noExecute) }
    image.map(0x40_0000_0000 + index << 12, to: frame << 12, bits)
  }
  try image.writeRaw(to: path, byteCount: 4 << 30)
}

/// A core of 4 GiB with a kernel's direct map in pages of 2 MiB, split at 3 GiB.
func writeCore(to path: String) throws(ImageFileError) {
  var image = TableImage(root: 0x10_0000)
  for page in 0..<UInt64(1024) {
    image.map(
      0xffff_8880_0000_0000 + page << 21, to: page << 21, [.present, .writable, .noExecute],
      level: 2)
  }
  for page in 0..<UInt64(512) {
    image.map(0xffff_ffff_8000_0000 + page << 12, to: 0x100_0000 + page << 12, [.present])
  }
  try image.writeCore(to: path, ranges: [0..<3 << 30, 4 << 30..<5 << 30])
}

/// Four tables that map 64 TiB: every entry of a table leads to the same next one.
func writeShared(to path: String) throws(ImageFileError) {
  var image = TableImage(root: 0x1000)
  let tables = (0..<3).map { _ in image.makeTable() }
  for index in 0..<512 {
    // The lower quarter of the root is enough, and leaves room for the agent.
    if index < 128 {
      image.set(tables[0] | TableImage.Bits.table.rawValue, at: index, of: image.root)
    }
    image.set(tables[1] | TableImage.Bits.table.rawValue, at: index, of: tables[0])
    image.set(tables[2] | TableImage.Bits.table.rawValue, at: index, of: tables[1])
    image.set(0x10_0000 + UInt64(index) << 12 | 3, at: index, of: tables[2])
  }
  try image.writeRaw(to: path, byteCount: 4 << 20)
}

let folder = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."
try writeLeaves(to: folder + "/leaves.raw")
try writeCore(to: folder + "/large.core")
try writeShared(to: folder + "/shared.raw")
