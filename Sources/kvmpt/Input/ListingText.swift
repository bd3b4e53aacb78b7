// ListingText: listings that other tools write, QEMU's `info tlb` and Linux's ptdump.

import GuestMem
import MMU

/// A listing of mappings as text.
struct ListingText {
  let basis: RightsBasis
  let stretches: [Stretch]

  /// Reads `text`, or nil when its first line with content is of neither tool.
  static func read(_ text: String) -> ListingText? {
    var stretches: [Stretch] = []
    var basis: RightsBasis?
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("---[") {
        if basis == nil { basis = .effective }
        continue
      }
      if basis != .effective, let stretch = tlbLine(line) {
        basis = .leaf
        append(stretch, to: &stretches)
      } else if basis != .leaf, let answer = ptdumpLine(line) {
        basis = .effective
        if let stretch = answer.stretch { append(stretch, to: &stretches) }
      } else if basis == nil {
        return nil
      }
    }
    guard let basis else { return nil }
    return ListingText(basis: basis, stretches: stretches.sorted { $0.first < $1.first })
  }

  private static func append(_ stretch: Stretch, to list: inout [Stretch]) {
    if list.isEmpty || !list[list.count - 1].append(stretch) { list.append(stretch) }
  }

  /// `ffff888000000000: 0000000000000000 XG-DA---W`; a large page has a P, its size unsaid.
  private static func tlbLine(_ line: Substring) -> Stretch? {
    let parts = line.split(separator: " ")
    guard parts.count == 3, parts[0].last == ":", parts[2].utf8.count == 9,
      let first = UInt64(parts[0].dropLast(), radix: 16), let physical = UInt64(parts[1], radix: 16)
    else { return nil }
    let flags = Array(parts[2].utf8)
    for (flag, letter) in zip(flags, "XGPDACTUW".utf8) where flag != letter && flag != 0x2d {
      return nil
    }
    // A page of 4 KiB shows its PAT bit as P; only alignment and the next line tell them apart.
    let isLarge = flags[2] != 0x2d && first % (2 << 20) == 0 && physical % (2 << 20) == 0
    let size: UInt64 = isLarge ? 2 << 20 : 4096
    return Stretch(
      first: first, last: first &+ (size - 1), physical: physical, isWritable: flags[8] != 0x2d,
      isUser: flags[7] != 0x2d, isExecutable: flags[0] == 0x2d, isGlobal: flags[1] != 0x2d)
  }

  /// `0xffff888000000000-0xffff888000098000  608K  RW  GLB NX pte`; nil where it is no such line.
  private static func ptdumpLine(_ line: Substring) -> (stretch: Stretch?, Void)? {
    let words = line.split(separator: " ")
    guard words.count >= 3 else { return nil }
    let ends = words[0].split(separator: "-")
    guard ends.count == 2, ends[0].hasPrefix("0x"), ends[1].hasPrefix("0x"),
      let first = UInt64(ends[0].dropFirst(2), radix: 16),
      let end = UInt64(ends[1].dropFirst(2), radix: 16), end &- 1 >= first
    else { return nil }
    // A line without RW or ro is a hole.
    guard words.contains("RW") || words.contains("ro") else { return (nil, ()) }
    return (
      Stretch(
        first: first, last: end &- 1, isWritable: words.contains("RW"),
        isUser: words.contains("USR"), isExecutable: !words.contains("NX"),
        isGlobal: words.contains("GLB")), ()
    )
  }
}
