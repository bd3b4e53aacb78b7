// What each kind of file says and does not say, and which options that leaves without an effect.

import ArgumentParser
import GuestMem
import Inspection
import MMU
import Probe
import Testing

@testable import kvmpt

@Suite("An option about what no side says is refused, and one about what a side says is not")
struct ComparedSideTests {
  /// A file of each kind.
  enum Kind: CaseIterable { case core, yaml, tlb, ptdump }

  private final class Sides {
    let tlb: TemporaryFile
    let ptdump: TemporaryFile

    init() throws {
      tlb = try TemporaryFile(
        "0000000000400000: 0000000000001000 -------UW\n"
          + "0000000000401000: 0000000000001000 -------UW\n")
      ptdump = try TemporaryFile(
        "0x0000000000400000-0x0000000000402000           8K USR RW                 x  pte\n")
    }

    func path(_ kind: Kind) -> String {
      switch kind {
      case .core: OptionImages.shared.core
      case .yaml: MainJobTests.example("user-process.yaml")
      case .tlb: tlb.path
      case .ptdump: ptdump.path
      }
    }
  }

  /// What a tool's listing never says.
  private static func unsaid(_ kind: Kind) -> Set<RangeProperty> {
    switch kind {
    case .core, .yaml: []
    case .tlb: [.protectionKey, .softwareBits]
    case .ptdump: [.physicalAddress, .protectionKey, .softwareBits, .accessed, .dirty]
    }
  }

  @Test(
    "IA32_PAT counts where a side has PAT, PCD and PWT, whichever it is", arguments: Kind.allCases)
  func memoryTypes(_ first: Kind) throws {
    let sides = try Sides()
    for second in Kind.allCases {
      let (a, b) = (sides.path(first), sides.path(second))
      let run = try ProgramRun(["diff", a, b, "--pat", "linux"])
      if first == .yaml && second == .yaml {
        #expect(run.exitCode == 64 && run.output.isEmpty)
        #expect(
          run.errors
            == "error: --pat has no effect: neither '\(quotedPath(a))' nor '\(quotedPath(b))' has"
            + " entries with PAT, PCD and PWT\n"
            + "  hint: it applies to memory images and listings; leave it out\n")
      } else {
        #expect(run.exitCode <= 1, "\(first) and \(second): \(run.errors)")
      }
    }
  }

  /// A name in a message, which is shortened.
  private func quotedPath(_ path: String) -> String { String(quoted(path).dropFirst().dropLast()) }

  @Test("What a listing never says is known, and cannot be ignored", arguments: Kind.allCases)
  func ignored(_ kind: Kind) throws {
    let sides = try Sides()
    let path = sides.path(kind)
    let side = try ComparedSide.of(path)
    #expect(Set(side.unsaid.properties) == Self.unsaid(kind))
    let words =
      switch kind {
      case .core: "a memory image"
      case .yaml: "an address-space file"
      case .tlb: "QEMU's info tlb"
      case .ptdump: "Linux's ptdump"
      }
    #expect(side.words == words && side.isImage == (kind == .core))
    #expect(side.hasTypesByIndex == (kind != .yaml))
    for property in RangeProperty.allCases {
      for files in [[OptionImages.shared.core, path], [path, OptionImages.shared.core]] {
        let run = try ProgramRun(["diff"] + files + ["--ignore", property.id])
        if Self.unsaid(kind).contains(property) {
          #expect(run.exitCode == 64 && run.output.isEmpty, "\(property.id)")
          #expect(
            run.errors
              == "error: --ignore has no effect: \(words) in \(quoted(path)) does not say"
              + " \(property.words)\n  hint: it applies to properties that both sides say, which"
              + " \(property.id) is not; leave it out\n")
        } else {
          #expect(run.exitCode <= 1, "\(property.id): \(run.errors)")
        }
      }
    }
  }

  @Test("What a listing expects of a page is what its own bits say, each alone and together")
  func expectedRights() throws {
    let image = try OpenedImage.open(
      path: OptionImages.shared.core, options: ImageOptions.parse([]))
    var tlb = ""
    var ptdump = ""
    for choice in 0..<8 {
      let (isUser, isWritable, isNoExecute) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0)
      let address = 0x50_0000 + choice * 0x2000
      let digits = String(address, radix: 16)
      tlb += "0000000000\(digits): 0000000000\(digits) \(isNoExecute ? "X" : "-")------"
      tlb += "\(isUser ? "U" : "-")\(isWritable ? "W" : "-")\n"
      ptdump += "0x0000000000\(digits)-0x0000000000\(String(address + 0x1000, radix: 16)) 4K "
      ptdump +=
        "\(isUser ? "USR " : "")\(isWritable ? "RW" : "ro") \(isNoExecute ? "NX" : "x") pte\n"
    }
    for (text, isTLB) in [(tlb, true), (ptdump, false)] {
      let file = try TemporaryFile(text)
      let side = try ExpectedSide.read(path: file.path, beside: image)
      let mappings = side.expectation.space.mappings
      #expect(
        side.words == "\(file.path): \(isTLB ? "QEMU's info tlb" : "Linux's ptdump")"
          + " (the leaves' own bits), 8 ranges")
      try #require(mappings.count == 8)
      for (choice, mapping) in mappings.enumerated() {
        let address = UInt64(0x50_0000 + choice * 0x2000)
        var rights: PageRights = [.read]
        if choice & 2 != 0 { rights.insert(.write) }
        if choice & 4 == 0 { rights.insert(.execute) }
        #expect(mapping.properties.rights == rights, "\(choice) \(isTLB)")
        #expect(mapping.properties.isUser == (choice & 1 != 0), "\(choice) \(isTLB)")
        #expect(mapping.linearAddress.rawValue == address && mapping.byteCount == 4096)
        #expect(
          mapping.name
            == "0x\(String(address, radix: 16).prefix(2))_\(String(address, radix: 16).suffix(4))")
      }
      #expect(side.expectation.placements.map { $0 != nil } == mappings.map { _ in isTLB })
      #expect(side.expectation.basis == .leaf)
      #expect(side.expectation.ranges?.compactMap(\.mapping) == Array(0..<8))
    }
  }

  @Test("Only a filter by memory type depends on IA32_PAT")
  func filters() throws {
    let types: Set = ["wb", "wt", "uc", "uc-", "wc", "wp"]
    let words =
      FilterWord.plain.map(\.0) + ["has:0x1000", "before:0x1000", "after:0x1000", "range:0-0x1000"]
    #expect(words.count == 23 && types.isSubset(of: words))
    for word in words {
      let filter = try #require(FilterWord(Substring(word)), "\(word)")
      #expect(filter.isAboutMemoryType == types.contains(word), "\(word)")
      let run = try ProgramRun([
        "dump", OptionImages.shared.raw, "--cr3", "0x1000", "--format", "tlb", "--filter", word,
        "--pat", "linux",
      ])
      guard !types.contains(word) else {
        #expect(run.exitCode != 64, "\(word): \(run.errors)")
        continue
      }
      #expect(run.exitCode == 64 && run.output.isEmpty, "\(word)")
      #expect(
        run.errors == """
          error: --pat has no effect: --format tlb names no memory types
            hint: it applies to --format text, json and jsonl, and to a --filter with a memory type; \
          leave it out

          """, "\(word)")
    }
  }
}
