// The value of `memory`: a size, or a list of ranges.

import Probe

extension AddressSpaceDecoder {
  /// Where RAM is; all that there can be while it is unknown, so that nothing lies outside it.
  mutating func decodeMemory(_ fields: inout FieldReader) -> [MemoryRange] {
    let unknown = [MemoryRange(base: 0, byteCount: 1 << 52)]
    positions.memory = fields.positions["memory"]
    guard let node = fields.requiredNode("memory", example: "64MiB") else { return unknown }
    guard case .sequence(let nodes) = node.content else {
      return fields.number("memory", allowsUnit: true).map {
        [MemoryRange(base: 0, byteCount: $0)]
      } ?? unknown
    }
    var ranges: [MemoryRange] = []
    for node in nodes {
      var range = FieldReader(node, .memoryRange)
      defer { problems += range.problems }
      if range.isIncomplete { continue }
      var base: UInt64?
      if range.requiredNode("base", example: "0x10_0000") != nil {
        base = range.number("base", allowsUnit: true)
      }
      var byteCount: UInt64?
      if range.requiredNode("size", example: "64MiB") != nil {
        byteCount = range.number("size", allowsUnit: true)
      }
      if let base, let byteCount {
        ranges.append(MemoryRange(base: base, byteCount: byteCount))
        positions.memoryRanges.append(range.positions)
      }
    }
    return ranges.count == nodes.count ? ranges : unknown
  }
}
