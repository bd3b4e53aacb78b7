// ListingText: listings that other tools write, QEMU's `info tlb` and Linux's ptdump.

import GuestMem
import Inspection
import MMU
import Probe

/// A tool that lists mappings.
enum ListingKind: Hashable, Sendable {
  case tlb, ptdump

  /// The name in reports.
  var words: String {
    switch self {
    case .tlb: "QEMU's info tlb"
    case .ptdump: "Linux's ptdump"
    }
  }

  /// What no line of the tool says.
  var unsaid: RangeProperties {
    switch self {
    case .tlb: [RangeProperties(.protectionKey), RangeProperties(.softwareBits)]
    case .ptdump:
      [
        RangeProperties(.physicalAddress), RangeProperties(.protectionKey),
        RangeProperties(.softwareBits), RangeProperties(.accessed), RangeProperties(.dirty),
      ]
    }
  }
}

/// What the other side of a comparison has at an address.
struct ListingNeighbour {
  /// Where it leads, if that is known.
  var physical: UInt64?
  /// The size of the page.
  var size: PageSize
}

/// A listing of mappings as text; rights are the leaves' own, which is what both tools show.
struct ListingText {
  let kind: ListingKind
  /// What is said, in the order of addresses.
  let ranges: [AskedRange]

  /// The tool that wrote `bytes`, by their first line with content; nil where it is neither.
  static func kind(of bytes: [UInt8]) -> ListingKind? {
    var lines = ListingLines(bytes)
    while let line = lines.next() {
      if line.isEmpty || isPrompt(line) { continue }
      if TLBListing.page(line) != nil { return .tlb }
      return PTDumpListing.isMarker(line) || PTDumpListing.range(line) != nil ? .ptdump : nil
    }
    return nil
  }

  /// Reads a listing whole; every line of it is understood, or named as one that is not.
  ///
  /// The memory types of `pageAttributeTable` are those that PAT, PCD and PWT select. Some lines are
  /// about pages of one size or another: `neighbour` says what the other side has there, which is
  /// taken where the line can mean it.
  static func read(
    _ bytes: [UInt8], _ kind: ListingKind, pageAttributeTable: UInt64,
    beside neighbour: (UInt64) -> ListingNeighbour? = { _ in nil }
  ) throws(ListingProblem) -> ListingText {
    switch kind {
    case .tlb:
      var listing = TLBListing(pageAttributeTable: pageAttributeTable)
      try read(bytes) { line throws(ListingProblem) in try listing.take(line, neighbour) }
      return ListingText(kind: kind, ranges: listing.finish(neighbour))
    case .ptdump:
      var listing = PTDumpListing(pageAttributeTable: pageAttributeTable)
      try read(bytes) { line throws(ListingProblem) in try listing.take(line) }
      return ListingText(kind: kind, ranges: listing.finish())
    }
  }

  private static func read(
    _ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws(ListingProblem) -> Void
  ) throws(ListingProblem) {
    var lines = ListingLines(bytes)
    while let line = lines.next() {
      if line.isEmpty || isPrompt(line) { continue }
      do throws(ListingProblem) {
        try take(line)
      } catch {
        var problem = error
        problem.line = lines.number
        throw problem
      }
    }
  }

  /// What QEMU's monitor writes before the command, when its whole output was kept.
  private static func isPrompt(_ line: ArraySlice<UInt8>) -> Bool {
    line.starts(with: "(qemu)".utf8)
  }
}

/// The lines of a text, without spaces at their ends and without the time stamps of a kernel log.
struct ListingLines {
  private let bytes: [UInt8]
  private var start = 0
  /// The number of the last line, from 1 on.
  private(set) var number = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> ArraySlice<UInt8>? {
    guard start < bytes.count else { return nil }
    var end = start
    while end < bytes.count && bytes[end] != 0x0a { end += 1 }
    var last = end
    while last > start && bytes[last - 1] <= 0x20 { last -= 1 }
    let line = bytes[start..<last]
    start = end + 1
    number += 1
    return Self.withoutTime(line)
  }

  /// The text of a line of a kernel log: `<6>[    0.017002] text`, as `dmesg` and the console write
  /// it, or `Nov 29 18:00:00 host kernel: [    0.017002] text`, as a system log keeps it.
  private static func withoutTime(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = line
    let mark = Array(" kernel: ".utf8)
    // A month or a year; no line of a listing begins so.
    if let first = rest.first, 0x41...0x5a ~= first || 0x31...0x39 ~= first {
      guard
        let place = rest.indices.first(where: { rest[$0...].starts(with: mark) })
      else { return line }
      rest = rest[(place + mark.count)...]
    }
    if rest.first == 0x3c {
      guard let end = rest.firstIndex(of: 0x3e), end - rest.startIndex <= 4 else { return line }
      rest = rest[(end + 1)...]
    }
    if rest.first == 0x5b {
      guard let end = rest.firstIndex(of: 0x5d) else { return line }
      rest = rest[(end + 1)...]
      if rest.first == 0x20 { rest = rest.dropFirst() }
    }
    return rest
  }
}

/// A line of a listing that is none.
struct ListingProblem: Error {
  /// From 1 on.
  var line = 0
  let message: String

  init(_ line: ArraySlice<UInt8>, _ reason: String) {
    message = "\(quoted(String(decoding: line, as: UTF8.self))) \(reason)"
  }

  /// The words for standard error.
  func failure(path: String) -> CommandFailure {
    CommandFailure(
      .badInput, "\(quoted(path)), line \(self.line): \(message)",
      hint: "give the output of the tool whole, and nothing else")
  }
}

/// The number in `digits`, 1 to 16 of them.
func hexadecimalNumber(_ digits: ArraySlice<UInt8>) -> UInt64? {
  guard 1...16 ~= digits.count else { return nil }
  var number: UInt64 = 0
  for digit in digits {
    let value: UInt8
    switch digit {
    case 0x30...0x39: value = digit - 0x30
    case 0x41...0x46: value = digit - 0x41 + 10
    case 0x61...0x66: value = digit - 0x61 + 10
    default: return nil
    }
    number = number << 4 | UInt64(value)
  }
  return number
}
