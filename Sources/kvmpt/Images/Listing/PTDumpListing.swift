// PTDumpListing: the lines of Linux's /sys/kernel/debug/page_tables.

import GuestMem
import Inspection
import MMU
import Probe

/// Puts the ranges of a ptdump together.
///
/// A line is `0xffff888000000000-0xffff888000098000  608K  RW  GLB NX pte`: the leaves' own bits
/// without A, D and addresses, and the level of the leaves. Lines without RW or ro are holes. The
/// PAT bit of large pages is taken for a bit of the address and never shown. Where an area has more
/// lines than the kernel writes, a line says so, and nothing is known up to the next area.
///
/// Source: Linux, `printk_prot` and `note_page` in arch/x86/mm/dump_pagetables.c, from 2.6.26 to 6.
struct PTDumpListing {
  private let pageAttributeTable: UInt64
  private var ranges: [AskedRange] = []
  /// Where the last line ended: the first address that it is not about.
  private var end: UInt64 = 0
  /// What was left out begins here.
  private var gap: UInt64?
  private var isAtTop = false

  init(pageAttributeTable: UInt64) { self.pageAttributeTable = pageAttributeTable }

  /// A line that names an area.
  static func isMarker(_ line: ArraySlice<UInt8>) -> Bool { line.starts(with: "---[".utf8) }

  /// The addresses of a line, the last one included, and where its other words begin; nil where it
  /// has none.
  static func range(
    _ line: ArraySlice<UInt8>
  ) -> (first: UInt64, last: UInt64, rest: ArraySlice<UInt8>)? {
    let end = line.firstIndex(of: 0x20) ?? line.endIndex
    guard let hyphen = line[..<end].firstIndex(of: 0x2d) else { return nil }
    let parts = [line[line.startIndex..<hyphen], line[(hyphen + 1)..<end]]
    guard parts.allSatisfy({ $0.starts(with: "0x".utf8) }),
      let first = hexadecimalNumber(parts[0].dropFirst(2)),
      let next = hexadecimalNumber(parts[1].dropFirst(2)), next &- 1 >= first
    else { return nil }
    return (first, next &- 1, line[end...])
  }

  /// Takes the next line.
  mutating func take(_ line: ArraySlice<UInt8>) throws(ListingProblem) {
    if Self.isMarker(line) { return }
    if line.starts(with: "... ".utf8) {
      let words = line.split(separator: 0x20)
      guard words.count == 5, words[3].elementsEqual("skipped".utf8) else {
        throw ListingProblem(line, "is no line of Linux's ptdump")
      }
      if !isAtTop { gap = end }
      return
    }
    guard let (first, last, rest) = Self.range(line) else {
      throw ListingProblem(line, "is no line of Linux's ptdump")
    }
    if let gap, gap < first {
      ranges.append(AskedRange(first: gap, last: first - 1, content: .unsaid))
    }
    gap = nil
    (end, isAtTop) = (last &+ 1, last == .max)
    guard let page = try statement(rest, line) else { return }
    guard (first | (last &+ 1)) & 4095 == 0 else {
      throw ListingProblem(line, "begins or ends inside of a page")
    }
    let range = AskedRange(first: first, last: last, content: .mapped(page))
    if ranges.isEmpty || !ranges[ranges.count - 1].append(range) { ranges.append(range) }
  }

  /// All ranges, in the order of addresses.
  mutating func finish() -> [AskedRange] {
    if let gap { ranges.append(AskedRange(first: gap, last: .max, content: .unsaid)) }
    gap = nil
    return ranges.sorted { $0.first < $1.first }
  }

  /// What the words behind the addresses say; nil where it is a hole.
  private func statement(
    _ rest: ArraySlice<UInt8>, _ line: ArraySlice<UInt8>
  ) throws(ListingProblem) -> PageStatement? {
    var words: Set<String> = []
    // The first word is the size in bytes, which the addresses say better.
    for word in rest.split(separator: 0x20).dropFirst() {
      let text = String(decoding: word, as: UTF8.self)
      guard Self.known.contains(text) else {
        throw ListingProblem(line, "has the word \(quoted(text)), which no ptdump of Linux has")
      }
      words.insert(text)
    }
    guard words.contains("RW") || words.contains("ro") else { return nil }
    var page = PageStatement(basis: .leaf)
    page.isWritable = words.contains("RW")
    page.isUser = words.contains("USR")
    page.isExecutable = !words.contains("NX")
    page.isGlobal = words.contains("GLB")
    if words.contains("pte") {
      page.pageSize = .size4KiB
    } else if words.contains("PSE") {
      page.pageSize = words.contains("pmd") ? .size2MiB : words.contains("pud") ? .size1GiB : nil
    }
    let low: UInt8 = (words.contains("PWT") ? 1 : 0) | (words.contains("PCD") ? 2 : 0)
    let isPAT = words.contains("PAT") || words.contains("pat")
    var indices: UInt8 = isPAT ? 16 << low : 1 << low
    if !isPAT && !words.contains("pte") { indices |= 16 << low }
    page.setMemoryTypes(ofIndices: indices, in: pageAttributeTable)
    return page
  }

  private static let known: Set<String> = [
    "USR", "RW", "ro", "PWT", "PCD", "PSE", "PAT", "pat", "GLB", "NX", "x", "cr3", "pgd", "p4d",
    "pud", "pmd", "pte",
  ]
}
