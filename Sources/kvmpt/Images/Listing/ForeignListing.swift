// ForeignListing: listings of other tools that say too little to be compared.

/// A listing that is recognised, and not read.
enum ForeignListing: CaseIterable {
  /// QEMU's `info mem`.
  case infoMemory
  /// The output of gdb-pt-dump.
  case gdbPTDump

  /// The tool that wrote `bytes`, by their first line with content; nil where it is neither.
  init?(_ bytes: [UInt8]) {
    var lines = ListingLines(bytes)
    while let line = lines.next() {
      let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
      if words.isEmpty || words[0] == "(qemu)" { continue }
      if words.starts(with: ["Address", ":", "Length"]) || Self.isGDBLine(words) {
        self = .gdbPTDump
        return
      }
      guard Self.isMemoryLine(words) else { return nil }
      self = .infoMemory
      return
    }
    return nil
  }

  /// `0000000000400000-0000000000404000 0000000000004000 urw`.
  private static func isMemoryLine(_ words: [String]) -> Bool {
    guard words.count == 3 else { return false }
    let numbers = words[0].split(separator: "-").map { Array($0.utf8) } + [Array(words[1].utf8)]
    return numbers.count == 3
      && numbers.allSatisfy { $0.count >= 8 && hexadecimalNumber($0[...]) != nil }
      && zip(words[2], ["u", "r", "w"]).allSatisfy { $0 == "-" || String($0) == $1 }
      && words[2].count == 3
  }

  /// `0x400000 : 0x4000 | W:1 X:1 S:0 UC:0 WB:1`.
  private static func isGDBLine(_ words: [String]) -> Bool {
    words.count > 4 && words[0].hasPrefix("0x") && words[1] == ":" && words[3] == "|"
      && words[4].hasPrefix("W:")
  }

  /// The name of the tool.
  var words: String {
    switch self {
    case .infoMemory: "QEMU's info mem"
    case .gdbPTDump: "the output of gdb-pt-dump"
    }
  }

  /// Why it cannot be compared.
  var reason: String {
    switch self {
    case .infoMemory: "it shows neither physical addresses nor XD nor the sizes of pages"
    case .gdbPTDump: "it shows neither physical addresses nor the sizes of pages"
    }
  }

  /// What to take in its place.
  var hint: String {
    switch self {
    case .infoMemory: "give QEMU's 'info tlb' of the same moment, or the core of dump-guest-memory"
    case .gdbPTDump:
      "give the memory itself: QEMU's dump-guest-memory, or gdb's 'dump binary memory' with --cr3"
    }
  }
}
