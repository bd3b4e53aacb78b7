// The words of a filter, each beside a mapping for which it holds and one for which it does not.

import MMU
import Testing

@testable import kvmpt

/// One chain of tables from address 0 on, with one page.
private struct OnePage: PhysicalMemory, ListingReceiver {
  let flags: UInt64
  /// What the entry that links the page table lacks.
  var denied: UInt64 = 0
  var run: MappedRun?

  /// The page is 0x40_3000; the tables stand at 0, 0x1000, 0x2000 and 0x3000.
  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    switch address.rawValue {
    case 0: 0x1007
    case 0x1000: 0x2007
    case 0x2010: 0x3007 & ~denied
    case 0x3018: 0x5001 | flags
    case ..<0x4000: 0
    default: nil
    }
  }

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    if case .run(let found) = item { run = found }
    return .goOn
  }

  static func run(_ flags: UInt64, denied: UInt64 = 0) throws -> MappedRun {
    let memory = OnePage(flags: flags, denied: denied)
    var found = memory
    PageTables(cr3: 0, configuration: try PagingConfiguration()).list(in: memory, to: &found)
    return try #require(found.run)
  }
}

@Suite("A filter leaves what each of its words holds for")
struct RunFilterTests {
  static let writable: UInt64 = 1 << 1
  static let user: UInt64 = 1 << 2
  static let writeThrough: UInt64 = 1 << 3
  static let uncached: UInt64 = 1 << 4
  static let global: UInt64 = 1 << 8
  static let noExecute: UInt64 = 1 << 63

  private func holds(_ text: String, _ run: MappedRun) throws -> Bool {
    try #require(FilterArgument(argument: text)).words.allSatisfy {
      $0.holds(for: run, pat: .atPowerOn)
    }
  }

  @Test("Rights and types: the words of one page, and no others")
  func rights() throws {
    let cases: [(flags: UInt64, words: Set<String>)] = [
      (0, ["_w", "x", "s", "_g", "wb"]),
      (Self.writable, ["w", "x", "s", "_g", "wb"]),
      (Self.noExecute, ["_w", "_x", "s", "ro", "_g", "wb"]),
      (Self.writable | Self.noExecute, ["w", "_x", "s", "_g", "wb"]),
      (Self.user | Self.global, ["_w", "x", "u", "g", "wb"]),
      (Self.writeThrough, ["_w", "x", "s", "_g", "wt"]),
      (Self.uncached, ["_w", "x", "s", "_g", "uc-"]),
      (Self.uncached | Self.writeThrough, ["_w", "x", "s", "_g", "uc"]),
    ]
    for (flags, words) in cases {
      let run = try OnePage.run(flags)
      var holding: Set<String> = []
      for (text, _) in FilterWord.plain where try holds(text, run) { holding.insert(text) }
      #expect(holding == words.union(["4k"]))
    }
  }

  @Test("A page is restricted where an entry above takes away what its own entry gives")
  func restricted() throws {
    #expect(try holds("restricted", OnePage.run(Self.writable, denied: Self.writable)))
    #expect(try holds("restricted,_w", OnePage.run(Self.writable, denied: Self.writable)))
    #expect(try !holds("restricted", OnePage.run(0, denied: Self.writable)))
    #expect(try !holds("restricted", OnePage.run(Self.writable)))
  }

  @Test(
    "Addresses, at both ends of the page at 0x403000",
    arguments: [
      ("has:0x402fff", false), ("has:0x403000", true), ("has:0x403fff", true),
      ("has:0x404000", false), ("before:0x403000", false), ("before:0x403001", true),
      ("after:0x403fff", false), ("after:0x403ffe", true), ("range:0-0x402fff", false),
      ("range:0-0x403000", true), ("range:0x403fff-0x500000", true),
      ("range:0x404000-0x500000", false), ("range:0x403800-0x403800", true),
    ])
  func addresses(_ text: String, _ isIn: Bool) throws {
    #expect(try holds(text, OnePage.run(Self.writable)) == isIn)
  }

  @Test("All words of a filter must hold")
  func every() throws {
    let run = try OnePage.run(Self.writable)
    #expect(try holds("w,x", run))
    #expect(try !holds("w,_x", run) && !holds("_w,x", run))
  }

  @Test(
    "What is no filter is refused",
    arguments: [
      "", ",", "y", "w,y", "has", "has:", "has:x", "before:", "range:1", "range:2-1", "range:1-2-3",
      "range:1-", "beside:1",
    ])
  func refused(_ text: String) {
    #expect(FilterArgument(argument: text)?.words == nil)
  }
}
