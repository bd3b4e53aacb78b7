// CureReplay: every change that a run of the program prints is made to a copy, and holds.

import Glibc
import GuestMem
import Inspection
import MMU
import Synchronization
import Testing

@testable import kvmpt

/// Does what a report of `explain` or `verify` says, on a copy of the image, and asks again.
///
/// Every run of the program in every test comes here (``ProgramRun``). It knows the words of the
/// report alone, and looks at the copy by other runs of the program: the access must come out as the
/// report says, and ``PageComparison`` must find no other page that is lost, moved or has fewer rights.
struct CureReplay {
  /// How many changes were replayed in this test run.
  static let count = Atomic(0)

  /// A change, and the access that it is for.
  private struct Printed {
    var address: String
    var kind: String
    var cpl: String
    var sentence: String
    /// The number of pages that get rights; nil where the report does not say it.
    var openedPageCount: Int?
    /// The physical address that is reached, or nil for a fault.
    var physical: String?
  }

  /// Options that say how an image is read; they are the same for the copy.
  private static let kept: Set<String> = [
    "--cr3", "--vcpu", "--base", "--levels", "--physical-bits", "--nxe", "--1gib-pages", "--vendor",
    "--wp", "--smep", "--smap", "--pke", "--pkru", "--pks", "--pkrs",
    "--ac",
  ]

  /// Replays what a run with `arguments` printed, and says how many changes that were.
  @discardableResult
  static func replay(_ arguments: [String], output: String) throws -> Int {
    guard let command = arguments.first, ["explain", "verify"].contains(command) else { return 0 }
    let printed =
      command == "verify"
      ? try ofVerify(output)
      : output.hasPrefix("{") ? try ofExplainJSON(output) : ofExplain(output)
    guard !printed.isEmpty else { return 0 }
    // An option and its value may be one word.
    let words = arguments.flatMap { word in
      word.hasPrefix("--") ? word.split(separator: "=", maxSplits: 1).map(String.init) : [word]
    }
    guard let image = words.dropFirst().first(where: isImage) else {
      // The tables of an address-space file are nowhere to be changed.
      #expect(command == "verify", "\(arguments)")
      return 0
    }
    var options: [(name: String, value: String)] = []
    for (name, value) in zip(words, words.dropFirst()) where kept.contains(name) {
      options.append((name, value))
    }
    for change in printed {
      try replay(change, image: image, options, "kvmpt \(arguments.joined(separator: " "))")
      count.add(1, ordering: .relaxed)
    }
    return printed.count
  }

  private static func isImage(_ path: String) -> Bool {
    guard let image = try? MemoryImage(path: path) else { return false }
    return image.byteCount > 0
  }

  /// The changes in the JSON of `explain`, by their words.
  private static func ofExplainJSON(_ output: String) throws -> [Printed] {
    let report = try JSONValue(json: output)
    return try (report["cures"]?.elements ?? []).map { cure in
      Printed(
        address: try #require(report["walk"]?["linear"]?.text),
        kind: try #require(report["access"]?.text), cpl: "\(try #require(report["cpl"]?.number))",
        sentence: try #require(cure["sentence"]?.text),
        openedPageCount: try #require(cure["opened-pages"]?.number),
        physical: cure["physical"]?.text)
    }
  }

  /// The changes in the text of `explain`.
  private static func ofExplain(_ output: String) -> [Printed] {
    guard
      let access = output.firstMatch(of: #/\n(read|write|fetch) at CPL ([03]): /#),
      let address = output.firstMatch(of: /\n(0x[0-9a-f_]+)\n  entry  index/)
    else { return [] }
    let changes =
      #/
      \n\s\s (?: change | or ) (?: ,\sif\sphysical\s0x[0-9a-f]+\swas\smeant )? :\s (.+)
      \n\s{4} tried\son\sa\scopy:\sthe\saccess\s (?: reaches\sphysical\s (0x[0-9a-f]+) | faults )
      (.*)
      /#
    return output.matches(of: changes).map { match in
      let count = match.3.firstMatch(of: /and (\d+) other pages? get/).flatMap { Int($0.1) }
      return Printed(
        address: String(address.1), kind: String(access.1), cpl: String(access.2),
        sentence: String(match.1), openedPageCount: count ?? 0, physical: match.2.map(String.init))
    }
  }

  /// The changes in the text of `verify` that begin with what is to be done to an entry.
  private static func ofVerify(_ output: String) throws -> [Printed] {
    let blocks =
      #/
      (0x[0-9a-f_]+) [^\n]* :\s (read | write | fetch) \sat\sCPL\s ([03]) ,\s [^\n]* \n
      \s{4} asked \s+ ([^\n]*) \n
      (?: (?! \s{4} change\s ) [^\n]* \n )*
      \s{4} change \s{4} ( (?: set | clear | put ) \s [^\n]* )
      /#
    return try output.matches(of: blocks).map { match in
      // What is asked for names the page, or the byte.
      let asked = match.4.firstMatch(of: /success at physical (0x[0-9a-f_]+)/)
      let physical = try asked.map { asked in
        let page = try NumberText.parse(String(asked.1), allowsUnit: false)
        let address = try NumberText.parse(String(match.1), allowsUnit: false)
        return "0x\(String(page | address & 0xfff, radix: 16))"
      }
      return Printed(
        address: String(match.1), kind: String(match.2), cpl: String(match.3),
        sentence: String(match.5), openedPageCount: nil, physical: physical)
    }
  }

  private static func replay(
    _ printed: Printed, image: String, _ options: [(name: String, value: String)], _ run: String
  ) throws {
    let words: Comment = "'\(printed.sentence)' of \(run)"
    let sentence = try #require(CureSentence(printed.sentence), words)
    let copy = try TemporaryFile("", suffix: ".copy")
    try write(sentence, of: image, to: copy.path, words)
    var options = options
    for option in sentence.options {
      options.removeAll { $0.name == option.name }
      options.append(option)
    }
    for (option, bits) in sentence.clearedKeyBits {
      let index = try #require(options.firstIndex { $0.name == option }, words)
      let number = try NumberText.parse(options[index].value, allowsUnit: false)
      options[index].value = "0x\(String(number & ~bits, radix: 16))"
    }
    let changed = options.flatMap { [$0.name, $0.value] }
    let address = sentence.address ?? printed.address
    let again = try ProgramRun(
      ["explain", copy.path, address, "--access", printed.kind, "--cpl", printed.cpl] + changed,
      replays: false)
    if let physical = printed.physical {
      #expect(again.exitCode == 0, words)
      let digits = physical.replacing("_", with: "")
      #expect(
        again.output.replacing("_", with: "").contains(": success at physical \(digits)\n"),
        "\(words): \(again.output)\(again.errors)")
    } else {
      #expect(again.exitCode == 1, words)
      #expect(again.output.contains(": #PF"), words)
    }
    // The same tables and registers: what else is mapped can have changed by the words alone.
    guard !sentence.changes.isEmpty, sentence.options.isEmpty else { return }
    let comparison = try PageComparison(image, copy.path, options.flatMap { [$0.name, $0.value] })
    let page = try NumberText.parse(address, allowsUnit: false)
    #expect(comparison.harmed(besides: page).isEmpty, words)
    if let opened = printed.openedPageCount {
      #expect(comparison.opened(besides: page) == opened, words)
    }
  }

  /// Writes the image with the changed words.
  private static func write(
    _ sentence: CureSentence, of image: String, to path: String, _ words: Comment
  ) throws {
    var bytes = try InputFile.bytes(of: image, byteLimit: 1 << 30)
    let segments = try MemoryImage(path: image).segments
    for change in sentence.changes {
      let segment = try #require(
        segments.first {
          change.entryAddress >= $0.physicalAddress.rawValue
            && change.entryAddress - $0.physicalAddress.rawValue < $0.byteCount
        }, words)
      let offset = Int(
        segment.fileOffset + change.entryAddress - segment.physicalAddress.rawValue)
      let old = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64($1 * 8) }
      let new = CureSentence.applied(change.deeds, to: old)
      #expect(new != old, words)
      for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: new >> (index * 8)) }
    }
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(path, O_WRONLY | O_TRUNC)
    try #require(descriptor >= 0, words)
    defer { close(descriptor) }
    // SAFETY: the kernel reads as many bytes as the array has.
    let written = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    try #require(written == bytes.count, words)
  }
}
