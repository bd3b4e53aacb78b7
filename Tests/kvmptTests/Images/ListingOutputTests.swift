// dump, stats and aliases: every field that they print of a run, and every word of a filter.

import GuestMem
import Inspection
import MMU
import Probe
import TestImages
import TestSupport
import Testing

@testable import kvmpt

/// Keeps the runs of a listing.
private struct Runs: ListingReceiver {
  var runs: [MappedRun] = []

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    if case .run(let run) = item { runs.append(run) }
    return .goOn
  }
}

/// An image in a file, with what the library finds in it.
private struct ListedImage {
  let file = ImageFile()
  let tables: PageTables
  let runs: [MappedRun]
  let census: TableCensus

  init(_ image: TableImage) throws {
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    tables = PageTables(
      cr3: 0x1000, configuration: try PagingConfiguration(physicalAddressWidth: 48))
    let memory = try MemoryImage(path: file.path, reading: .raw(base: GuestPhysicalAddress(0)))
    var receiver = Runs()
    tables.list(in: memory, shared: .expand, to: &receiver)
    runs = receiver.runs
    census = tables.census(in: memory)
  }

  func run(_ command: String, _ more: [String]) throws -> ProgramRun {
    let run = try ProgramRun(
      [command, file.path, "--cr3", "0x1000", "--physical-bits", "48"] + more)
    try #require(run.exitCode == 0, "\(run.errors)")
    return run
  }
}

@Suite("What a listing prints is what the library says, field by field")
struct ListingOutputTests {
  private static func hexadecimal(_ number: UInt64, width: Int = 0) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func images(_ seed: UInt64, count: Int) throws -> [ListedImage] {
    var random = SeededGenerator(seed: seed)
    return try (0..<count).map { _ in
      try ListedImage(ConvertEveryBitTests.randomImage(&random))
    }
  }

  /// Registers on the command line, and the modes that they make.
  private static let registers: [([String], CPUMode)] = {
    var strict = CPUMode(privilege: .supervisor)
    strict.isSMEPEnabled = true
    strict.isSMAPEnabled = true
    var weak = CPUMode(privilege: .supervisor)
    weak.isWriteProtectEnabled = false
    weak.isPKEEnabled = true
    weak.pkru = 0xa4a4_a4a4
    return [
      ([], CPUMode(privilege: .supervisor)), (["--smep", "on", "--smap", "on"], strict),
      (["--wp", "off", "--pke", "on", "--pkru", "0xa4a4a4a4"], weak),
    ]
  }()

  private static func rights(_ run: MappedRun, _ mode: CPUMode) -> (String, String) {
    var user = mode
    user.privilege = .user
    return (
      run.effectiveRights(mode: mode).description, run.effectiveRights(mode: user).description
    )
  }

  /// What takes a right of the leaf away: the right, the entry's level and its address.
  private static func restrictions(_ run: MappedRun) -> [(String, EntryReference)] {
    var found: [(String, EntryReference)] = []
    if run.leaf.isWritable, let entry = run.inherited.writeRestriction {
      found.append(("write", entry))
    }
    if run.leaf.isUserAccessible, let entry = run.inherited.userRestriction {
      found.append(("user", entry))
    }
    if !run.leaf.isNoExecute, let entry = run.inherited.fetchRestriction {
      found.append(("fetch", entry))
    }
    return found
  }

  @Test("JSON and JSON lines", arguments: 0..<3)
  func json(_ number: Int) throws {
    let (options, mode) = Self.registers[number]
    var count = 0
    for image in try Self.images(UInt64(number) + 5, count: 4) {
      let whole = try JSONValue(
        json: image.run("dump", ["--format", "json", "--shared", "expand"] + options).output)
      let lines = try image.run("dump", ["--format", "jsonl", "--shared", "expand"] + options)
        .output.split(separator: "\n").map { try JSONValue(json: String($0)) }
      let listed = whole["mappings"]?.elements ?? []
      #expect(listed == lines && listed.count == image.runs.count)
      for (entry, run) in zip(listed, image.runs) {
        func text(_ number: UInt64) -> JSONValue { .string("0x" + Self.hexadecimal(number)) }
        let (cpl0, cpl3) = Self.rights(run, mode)
        #expect(entry["linear"] == text(run.linearAddress))
        #expect(entry["bytes"] == text(run.pageCount * run.pageSize.byteCount))
        #expect(entry["physical"] == text(run.physicalAddress.rawValue))
        #expect(entry["page"] == .string(run.pageSize.label))
        #expect(entry["pages"] == .integer(Int(run.pageCount)))
        #expect(entry["rights"]?["cpl0"] == .string(cpl0))
        #expect(entry["rights"]?["cpl3"] == .string(cpl3))
        #expect(entry["leaf"]?["writable"] == .bool(run.leafBits & 2 != 0))
        #expect(entry["leaf"]?["user"] == .bool(run.leafBits & 4 != 0))
        #expect(entry["leaf"]?["no-execute"] == .bool(run.leafBits >> 63 != 0))
        let index = Int(run.leaf.patIndex)
        let types = ["WB", "WT", "UC-", "UC"]
        #expect(entry["memory-type"] == .string(types[index % 4]))
        #expect(entry["pat-index"] == .integer(index))
        #expect(entry["global"] == .bool(run.leafBits & 0x100 != 0))
        #expect(entry["accessed"] == .integer(Int(run.accessedCount)))
        #expect(entry["dirty"] == .integer(Int(run.dirtyCount)))
        #expect(entry["key"] == .integer(Int(run.leafBits >> 59 & 15)))
        let expected = Self.restrictions(run)
        let restricted = entry["restricted-by"]?.elements ?? []
        #expect(restricted.map { $0["right"] } == expected.map { .string($0.0) })
        #expect(
          restricted.map { $0["level"] } == expected.map { .integer(Int($0.1.level.rawValue)) })
        #expect(
          restricted.map { $0["entry-address"] } == expected.map { text($0.1.address.rawValue) })
        count += 1
      }
      let bytes = image.runs.reduce(0) { $0 &+ $1.byteCount }
      #expect(whole["pages"] == .integer(Int(image.runs.reduce(0) { $0 + $1.pageCount })))
      #expect(whole["bytes"] == .string("0x" + Self.hexadecimal(bytes)))
      #expect(whole["levels"] == .integer(4) && whole["cr3"] == .string("0x1000"))
    }
    #expect(count > 40)
  }

  @Test("Text", arguments: 0..<3)
  func text(_ number: Int) throws {
    let (options, mode) = Self.registers[number]
    for image in try Self.images(UInt64(number) + 50, count: 3) {
      let output = try image.run("dump", ["--shared", "expand"] + options).output
      let lines = output.split(separator: "\n").map(String.init).filter { $0.hasPrefix("0x") }
      #expect(lines.count == image.runs.count)
      for (line, run) in zip(lines, image.runs) {
        func flag(_ letter: Character, _ count: UInt64) -> String {
          count == 0
            ? "-" : String(count == run.pageCount ? letter : Character(letter.lowercased()))
        }
        let (cpl0, cpl3) = Self.rights(run, mode)
        let pages = String(run.pageCount)
        var expected = [run.linearAddress, run.lastAddress, run.physicalAddress.rawValue]
          .map { "0x" + Self.hexadecimal($0, width: 16) }.joined(separator: " ")
        expected += String(repeating: " ", count: 7 - pages.count) + pages
        expected += " x \(run.pageSize.label) \(cpl0)|\(cpl3) "
        expected += ["WB ", "WT ", "UC-", "UC "][Int(run.leaf.patIndex) % 4]
        expected += run.leafBits & 0x100 != 0 ? " G" : " -"
        expected += flag("A", run.accessedCount) + flag("D", run.dirtyCount)
        let key = run.leafBits >> 59 & 15
        if key != 0 { expected += " key \(key)" }
        let restrictions = Self.restrictions(run)
        if !restrictions.isEmpty {
          expected += "  leaf \(run.leafBits & 4 != 0 ? "u" : "s")"
          expected += run.leafBits & 2 != 0 ? "w" : "-"
          expected += run.leafBits >> 63 != 0 ? "-" : "x"
          for (right, entry) in restrictions {
            let name = ["", "PTE", "PDE", "PDPTE", "PML4E"][Int(entry.level.rawValue)]
            expected += ", no \(right) by \(name) at 0x\(Self.hexadecimal(entry.address.rawValue))"
          }
        }
        #expect(line == expected)
      }
      #expect(output.contains("\n\(counted(image.runs.count, "run")), "))
    }
  }

  @Test("Every word of a filter, alone and with another one")
  func filters() throws {
    let image = try #require(try Self.images(77, count: 1).first)
    let middle = image.runs[image.runs.count / 2]
    let last = try #require(image.runs.last)
    func address(_ number: UInt64) -> String { "0x" + Self.hexadecimal(number) }
    let words: [(String, (MappedRun) -> Bool)] = [
      ("w", { $0.isWritable }), ("_w", { !$0.isWritable }), ("x", { $0.isExecutable }),
      ("_x", { !$0.isExecutable }), ("u", { $0.isUser }), ("s", { !$0.isUser }),
      ("ro", { !$0.isWritable && !$0.isExecutable }), ("g", { $0.leafBits & 0x100 != 0 }),
      ("_g", { $0.leafBits & 0x100 == 0 }), ("wb", { $0.leaf.patIndex % 4 == 0 }),
      ("wt", { $0.leaf.patIndex % 4 == 1 }), ("uc-", { $0.leaf.patIndex % 4 == 2 }),
      ("uc", { $0.leaf.patIndex % 4 == 3 }), ("wc", { _ in false }), ("wp", { _ in false }),
      ("4k", { $0.pageSize == .size4KiB }), ("2m", { $0.pageSize == .size2MiB }),
      ("1g", { $0.pageSize == .size1GiB }), ("restricted", { !Self.restrictions($0).isEmpty }),
    ]
    let places: [(String, (MappedRun) -> Bool)] =
      [middle.linearAddress, middle.lastAddress, 0, .max]
      .flatMap { place -> [(String, (MappedRun) -> Bool)] in
        [
          ("has:\(address(place))", { $0.linearAddress <= place && place <= $0.lastAddress }),
          ("before:\(address(place))", { $0.linearAddress < place }),
          ("after:\(address(place))", { $0.lastAddress > place }),
        ]
      } + [
        (
          "range:\(address(middle.lastAddress))-\(address(last.linearAddress))",
          { $0.linearAddress <= last.linearAddress && $0.lastAddress >= middle.lastAddress }
        ),
        (
          "range:\(address(middle.linearAddress))-\(address(middle.linearAddress))",
          { $0.linearAddress <= middle.linearAddress && $0.lastAddress >= middle.linearAddress }
        ),
      ]
    #expect(Set(words.map(\.0)) == Set(FilterWord.plain.map(\.0)))
    func listed(_ filter: String) throws -> [JSONValue?] {
      try image.run("dump", ["--format", "jsonl", "--shared", "expand", "--filter", filter]).output
        .split(separator: "\n").map { try JSONValue(json: String($0))["linear"] }
    }
    var chosen = 0
    for (word, holds) in words + places {
      let expected = image.runs.filter(holds)
      #expect(try listed(word) == expected.map { .string(address($0.linearAddress)) }, "\(word)")
      let both = expected.filter { !$0.isUser }
      #expect(try listed("s,\(word)") == both.map { .string(address($0.linearAddress)) }, "\(word)")
      if !expected.isEmpty && expected.count < image.runs.count { chosen += 1 }
    }
    #expect(chosen > 20)
    for wrong in ["", "q", "w,q", "has:", "has:x", "range:2-1", "range:1", "before", "W"] {
      #expect(FilterArgument(argument: wrong) == nil, "\(wrong)")
    }
  }

  @Test("stats prints each count of the census under its own name")
  func stats() throws {
    for image in try Self.images(99, count: 4) {
      let json = try JSONValue(json: image.run("stats", ["--format", "json"]).output)
      let census = image.census
      var expected: [(String, Int)] = [
        ("tables", census.tableCount), ("table-bytes", census.tableCount * 4096),
        ("present-entries", census.presentCount), ("empty-slots", census.emptySlotCount),
        ("other-entries", census.notPresentCount), ("empty-tables", census.emptyTableCount),
        ("shared-uses", census.sharedUseCount),
      ]
      for (level, name) in [
        (Level.pageTable, "pt"), (.pageDirectory, "pd"), (.pageDirectoryPointerTable, "pdpt"),
        (.pageMapLevel4, "pml4"), (.pageMapLevel5, "pml5"),
      ] {
        expected.append(("\(name)-tables", census.tableCounts[level] ?? 0))
      }
      for (size, name) in [
        (PageSize.size4KiB, "4KiB"), (.size2MiB, "2MiB"), (.size1GiB, "1GiB"),
      ] {
        expected.append(("leaves-\(name)", census.leafCounts[size] ?? 0))
        if size != .size4KiB {
          expected.append(("replaceable-by-\(name)", census.replaceableCounts[size] ?? 0))
        }
      }
      for (key, value) in expected { #expect(json[key] == .integer(value), "\(key)") }
      guard case .object(let members) = json else {
        Issue.record("no object")
        continue
      }
      #expect(members.count == expected.count + 8)
      #expect(census.tableCount > 3 && census.presentCount > 4)
    }
  }

  @Test("aliases shows each run with the one before it that ends last", arguments: 0..<3)
  func aliases(_ number: Int) throws {
    let (options, mode) = Self.registers[number]
    var count = 0
    for image in try Self.images(UInt64(number) + 200, count: 4) {
      let runs = image.runs.sorted {
        ($0.physicalAddress.rawValue, $0.linearAddress) < (
          $1.physicalAddress.rawValue, $1.linearAddress
        )
      }
      func end(_ run: MappedRun) -> UInt64 { run.physicalAddress.rawValue + run.byteCount }
      var expected: [[JSONValue]] = []
      for (index, run) in runs.enumerated() {
        let start = run.physicalAddress.rawValue
        // Of those that end last, the first one.
        let widest = runs[..<index].map(end).max() ?? 0
        guard widest > start, let before = runs[..<index].first(where: { end($0) == widest }) else {
          continue
        }
        func way(_ run: MappedRun) -> [JSONValue] {
          let (cpl0, cpl3) = Self.rights(run, mode)
          let linear = run.linearAddress &+ (start - run.physicalAddress.rawValue)
          return [.string("0x" + Self.hexadecimal(linear)), .string("\(cpl0)|\(cpl3)")]
        }
        expected.append(
          [start, min(end(run), widest) - start].map { .string("0x" + Self.hexadecimal($0)) }
            + way(before) + way(run))
      }
      let json = try JSONValue(json: image.run("aliases", ["--format", "json"] + options).output)
      let found = (json["aliases"]?.elements ?? []).map { alias in
        [alias["physical"], alias["bytes"]].compactMap(\.self)
          + (alias["ways"]?.elements ?? []).flatMap {
            [$0["linear"], $0["rights"]].compactMap(\.self)
          }
      }
      #expect(found == expected)
      let text = try image.run("aliases", options).output
      #expect(text.hasSuffix("\(counted(expected.count, "alias", "aliases"))\n"))
      count += expected.count
    }
    #expect(count > 10)
  }
}
