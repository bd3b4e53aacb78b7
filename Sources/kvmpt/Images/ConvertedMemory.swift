// ConvertedMemory: the ranges of memory that a converted image needs.

import GuestMem
import Inspection
import MMU
import Probe

/// Memory in the places where an image has it, for images that have it in several.
struct ConvertedMemory {
  /// The ranges by address, apart from each other.
  private(set) var ranges: [Range<UInt64>]

  /// The memory of an image in whole frames; nil where it is one range from address 0 on, where it is
  /// more than `limit`, and where a file cannot say it.
  ///
  /// It is nil as well where most of what is mapped below the end of the image lies in its holes: such
  /// an image was written without most of its memory, and its holes are none of the machine.
  ///
  /// Pages that reach across the end of a range get all of their memory, and of too many ranges the
  /// nearest are joined.
  init?(_ segments: [MemorySegment], runs: [ConvertedRun], limit: UInt64) {
    ranges = Self.merged(
      segments.map { ($0.physicalAddress.rawValue & ~0xfff)..<($0.end + 4095) & ~0xfff })
    guard let end = ranges.last?.upperBound, ranges.count > 1 || ranges[0].lowerBound > 0 else {
      return nil
    }
    let mapped = Self.merged(runs.map { $0.physical..<$0.physical + $0.byteCount })
    let below = mapped.reduce(0) { $0 + UInt64($1.clamped(to: 0..<end).count) }
    guard Self.common(mapped, ranges) >= below / 2 else { return nil }
    // What is joined or grows can cut another page, of another size.
    var isWhole = false
    for _ in 0..<8 where !isWhole {
      while ranges.count >= AddressSpace.memoryRangeLimit { joinNearest() }
      isWhole = !takePagesAcrossEnds(of: runs)
    }
    guard isWhole, ranges.count < AddressSpace.memoryRangeLimit,
      ranges.reduce(0, { $0 + UInt64($1.count) }) <= limit,
      ranges.last?.upperBound ?? 0 <= AddressSpace.memoryRangeEnd
    else { return nil }
  }

  /// Adds a range of `byteCount` bytes behind all memory and every run, a multiple of `alignment`,
  /// unless so many bytes are not mapped; false where there is no place.
  mutating func makeRoom(
    for byteCount: UInt64, alignment: UInt64, beside runs: [ConvertedRun]
  ) -> Bool {
    let mapped = Self.merged(runs.map { $0.physical..<$0.physical + $0.byteCount })
    let all = ranges.reduce(UInt64(0)) { $0 + UInt64($1.count) }
    if all - Self.common(mapped, ranges) >= byteCount { return true }
    let end = max(ranges.last?.upperBound ?? 0, mapped.last?.upperBound ?? 0)
    let first = (end + (alignment - 1)) & ~(alignment - 1)
    guard first + byteCount <= AddressSpace.memoryRangeEnd else { return false }
    ranges = Self.merged(ranges + [first..<first + byteCount])
    return true
  }

  /// The number of addresses that are in both.
  private static func common(_ first: [Range<UInt64>], _ second: [Range<UInt64>]) -> UInt64 {
    first.reduce(0) { sum, range in
      second.reduce(sum) { $0 + UInt64($1.clamped(to: range).count) }
    }
  }

  private mutating func takePagesAcrossEnds(of runs: [ConvertedRun]) -> Bool {
    var cut: [Range<UInt64>] = []
    for run in runs where run.pageSize != .size4KiB {
      let extent = run.physical..<run.physical + run.byteCount
      for end in ranges.flatMap({ [$0.lowerBound, $0.upperBound] }) where extent.contains(end) {
        let offset = (end - run.physical) % run.pageSize.byteCount
        if offset > 0 { cut.append(end - offset..<end - offset + run.pageSize.byteCount) }
      }
    }
    if cut.isEmpty { return false }
    ranges = Self.merged(ranges + cut)
    return true
  }

  private mutating func joinNearest() {
    let gaps = zip(ranges, ranges.dropFirst()).map { $1.lowerBound - $0.upperBound }
    guard let nearest = gaps.indices.min(by: { gaps[$0] < gaps[$1] }) else { return }
    ranges[nearest] = ranges[nearest].lowerBound..<ranges[nearest + 1].upperBound
    ranges.remove(at: nearest + 1)
  }

  private static func merged(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = result.last, range.lowerBound <= last.upperBound {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }
}
