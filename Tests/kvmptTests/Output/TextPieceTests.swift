// The small pieces of reports, each for every input that it can have.

import KVM
import MMU
import Testing

@testable import Probe
@testable import kvmpt

@Suite("The pieces of a report say what they are about")
struct TextPieceTests {
  @Test("A right is a letter, '-', '?' or '.' by what was allowed and denied, for every access")
  func rights() {
    let letters = ["r", "w", "x"]
    for kind in AccessKind.allCases {
      for privilege in PrivilegeLevel.allCases {
        for (allowed, denied) in [(0, 0), (0, 1), (0, 9), (1, 0), (9, 0), (1, 1), (3, 2)] {
          var tallies = [AccessTally](repeating: AccessTally(), count: 6)
          let index = ProbeManner(kind, at: privilege).index
          tallies[index].allowedCount = allowed
          tallies[index].deniedCount = denied
          // What has no answer is no answer.
          tallies[index].missingCount = 5
          let place = AccessKind.allCases.firstIndex(of: kind) ?? 0
          let letter =
            allowed > 0 ? denied > 0 ? "?" : letters[place] : denied > 0 ? "-" : "."
          var three = [".", ".", "."]
          three[place] = letter
          let words = three.joined()
          let text = privilege == .supervisor ? "\(words)|..." : "...|\(words)"
          #expect(RightsText.text(tallies) == text)
        }
      }
    }
    #expect(AccessKind.allCases == [.read, .write, .fetch])
    #expect(PrivilegeLevel.allCases == [.supervisor, .user])
  }

  @Test("An entry's bits by their abbreviations, at every level", arguments: Level.allCases)
  func entryBits(_ level: Level) {
    let bits: [(word: String, bit: UInt64)] = [
      ("P", 0), ("R/W", 1), ("U", 2), ("A", 5), ("D", 6), ("PS", 7), ("G", 8), ("XD", 63),
    ]
    for choice in 0..<256 as Range<UInt64> {
      let chosen = bits.enumerated().filter { choice >> UInt64($0.offset) & 1 != 0 }.map(\.element)
      let word = chosen.reduce(0x1000 as UInt64) { $0 | 1 << $1.bit }
      func has(_ name: String) -> Bool { chosen.contains { $0.word == name } }
      let text = EntryBitsText.text(PageTableEntry(word, at: level))
      guard has("P") else {
        #expect(text == "not present")
        continue
      }
      let isLarge = [.pageDirectory, .pageDirectoryPointerTable].contains(level) && has("PS")
      let isLeaf = level == .pageTable || isLarge
      var words = ["P", has("R/W") ? "R/W" : "R/O", has("U") ? "U" : "S"]
      if has("A") { words.append("A") }
      if isLeaf && has("D") { words.append("D") }
      if isLarge { words.append("PS") }
      if isLeaf && has("G") { words.append("G") }
      if has("XD") { words.append("XD") }
      #expect(text == words.joined(separator: " "), "\(String(word, radix: 16))")
    }
  }

  @Test("What is unproved is counted in its unit, or not where nothing was asked")
  func unproved() {
    let units: [(UnprovedUnit, String, String)] = [
      (.probes, "1 probe", "2,000 probes"), (.entries, "1 entry", "2,000 entries"),
      (.subjects, "1 mapping or expectation", "2,000 mappings or expectations"),
    ]
    #expect(units.map(\.0) == UnprovedUnit.allCases)
    for reason in UnprovedReason.allCases {
      for (unit, one, many) in units {
        for (count, words) in [(0, ""), (1, one + ", "), (2000, many + ", ")] {
          let part = Unproved(reason, count: count, of: unit, on: .ept)
          let line = UnprovedText.line(part)
          #expect(
            line == "unproved: \(words)\(reason.message) [\(reason.id)]; what would prove it: "
              + part.remedy)
          #expect(UnprovedText.reason([part]) == line)
          #expect(UnprovedText.reason([part, part]) == "\(line); \(line)")
        }
      }
    }
    #expect(UnprovedText.reason([]) == nil)
  }

  @Test("A table has each row once, in the order in which they were added")
  func rows() {
    var table = TextTable([("", .left), ("", .right)])
    table.append(["first", "1"])
    table.append(0) { _ in ["never", "0"] }
    table.append(3) { ["made \($0)", "\($0 * 50)"] }
    table.append(1) { _ in ["one", "2"] }
    table.append(["last"])
    #expect(
      table.rendered(indentation: 0, styler: TextStyler(isEnabled: false))
        == "first     1\nmade 0    0\nmade 1   50\nmade 2  100\none       2\nlast\n")
  }

  @Test("The memory of this process is in MiB, as the kernel says, and less than the host has")
  func peakMemory() throws {
    func kibibytes(_ file: String, _ name: String) throws -> Int {
      let text = String(decoding: try InputFile.bytes(of: file, byteLimit: 1 << 16), as: UTF8.self)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name) })
      return try #require(line.split { $0 == " " || $0 == "\t" }.compactMap { Int($0) }.first)
    }
    let before = try kibibytes("/proc/self/status", "VmHWM:")
    let peak = peakMemoryMiB()
    // The kernel adds up what each processor counts at other times for the one than for the other.
    #expect(peak * 1024 >= before / 2)
    #expect(peak * 1024 <= (try kibibytes("/proc/meminfo", "MemTotal:")))
  }
}
