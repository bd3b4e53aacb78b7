// Random sequences on adopted tables, against a dictionary of what each page shows.

import MMU
import TestSupport
import Testing

@testable import GuestMem

@Suite("Random changes of adopted tables agree with a model of pages")
struct BootRandomTests {
  @Test(
    "On every layout", arguments: FirmwareLayout.allCases, [Level.pageMapLevel4, .pageMapLevel5])
  func everyLayout(layout: FirmwareLayout, levels: Level) throws {
    let name = "KVMPT_SEED"
    let seed = TestSetting.number(name) ?? 2026
    var run = try BootRandomRun(layout, levels, seed: seed)
    for number in 0..<4000 {
      if let failure = try run.step(number) {
        Issue.record(
          """
          \(layout), \(levels.rawValue) levels, operation \(number): \(failure)
          repeat with: \(name)=\(seed) swift test --filter BootRandomTests
          """)
        return
      }
    }
    #expect(run.counts.mapped > 50 && run.counts.protected > 20 && run.counts.refused > 20)
    print(
      "boot random, \(layout), \(levels.rawValue) levels: seed \(seed), \(run.counts.mapped) maps,"
        + " \(run.counts.protected) protects, \(run.counts.refused) refused")
  }
}

/// A boot table and a model without tables: what each page that was changed shows; every other page
/// shows what the firmware's tables say.
struct BootRandomRun: ~Copyable {
  var machine: BootMachine
  var random: SeededGenerator
  /// What was asked for, by the address of the page; nil where rights were taken away.
  var changed: [UInt64: (page: SeenPage?, before: SeenPage)] = [:]
  let borders: [UInt64]
  var counts = (mapped: 0, protected: 0, refused: 0)

  init(_ layout: FirmwareLayout, _ levels: Level, seed: UInt64) throws {
    let machine = try BootMachine(layout, levels: levels, byteCount: 6 << 20)
    var random = SeededGenerator(seed: seed)
    let all = everyBorder(cr3: machine.firmwareRoot, machine.paging, in: machine.memory.view)
    // The borders of a cycle are many; the changes should meet each other.
    var borders: [UInt64] = []
    for _ in 0..<40 { borders.append(all[random.index(below: all.count)]) }
    self.machine = machine
    self.random = random
    self.borders = borders
  }

  func expected(_ page: UInt64) -> SeenPage {
    guard let change = changed[page] else { return machine.firmwareSeen(page) }
    return change.page ?? .notPresent
  }

  /// A page of the firmware's or beside it, or, for maps more often, one that nobody has mapped.
  mutating func page(isMap: Bool) -> UInt64 {
    let free: [UInt64] = [0x1_0000_0000, 0x7f00_0000_0000, 0xffff_ffff_8000_0000]
    if random.index(below: 3) < (isMap ? 2 : 1) {
      return free[random.index(below: 3)] + UInt64(random.index(below: 1 << 11)) << 12
    }
    let base = borders[random.index(below: borders.count)]
    let offset = [0, 0, 0x1000, 0x20_0000, 0x4000_0000][random.index(below: 5)] as UInt64
    let address = random.index(below: 2) == 0 ? base &+ offset : base &- offset
    return machine.paging.linearAddressWidth.isCanonical(address) ? address : base
  }

  /// Makes one operation and compares; answers what is wrong.
  mutating func step(_ number: Int) throws -> String? {
    let isMap = random.index(below: 2) == 0
    let start = page(isMap: isMap)
    let pageCount = [1, 1, 1, 2, 3, 512, 513][random.index(below: 7)] as UInt64
    let rights = PageRights(rawValue: [1, 3, 5, 7][random.index(below: 4)])
    let isUser: Bool? = random.index(below: 3) == 0 ? random.index(below: 2) == 0 : nil
    let removesRights = random.index(below: 12) == 0
    let free = machine.allocator.freeFrames
    do throws(PageTableError) {
      if isMap {
        let properties = PageProperties(
          rights: rights, isUser: isUser ?? false, isGlobal: number % 2 == 0,
          memoryType: MemoryType.allCases[random.index(below: 6)],
          protectionKey: UInt8(random.index(below: 16)),
          softwareBits: UInt16(random.index(below: 1024)))
        let target = UInt64(random.index(below: 1 << 18)) << 12
        try machine.table.map(
          linear(start), byteCount: pageCount << 12, to: physical(target), properties: properties,
          allocator: &machine.allocator)
        for index in 0..<pageCount {
          let address = start &+ index << 12
          note(address, SeenPage(properties, at: target + index << 12))
        }
        counts.mapped += 1
      } else {
        var change = PropertyChange(rights: removesRights ? [] : rights)
        if !removesRights { change.isUser = isUser }
        try machine.table.protect(
          linear(start), byteCount: pageCount << 12, change: change,
          allocator: &machine.allocator)
        for index in 0..<pageCount {
          let address = start &+ index << 12
          note(address, removesRights ? nil : shown(address).with(rights, isUser: isUser))
        }
        counts.protected += 1
      }
    } catch {
      counts.refused += 1
      if machine.allocator.freeFrames != free { return "\(error) took frames" }
      if let wrong = wrongRefusal(error, start, pageCount, isMap) { return wrong }
    }
    return compare(start, pageCount, isComplete: number % 400 == 399)
  }

  /// What the page shows, or showed before its rights were taken.
  func shown(_ address: UInt64) -> SeenPage {
    guard let change = changed[address] else { return machine.firmwareSeen(address) }
    return change.page ?? change.before
  }

  mutating func note(_ address: UInt64, _ page: SeenPage?) {
    changed[address] = (page, page ?? shown(address))
  }

  /// A refusal must have its reason in the pages.
  func wrongRefusal(
    _ error: PageTableError, _ start: UInt64, _ pageCount: UInt64, _ isMap: Bool
  ) -> String? {
    let pages = (0..<pageCount).map { start &+ $0 << 12 }
    func has(_ page: SeenPage) -> Bool { pages.contains { machine.firmwareSeen($0) == page } }
    let isReason =
      switch error {
      case .alreadyMapped:
        isMap && pages.contains { changed[$0] != nil || machine.firmwareSeen($0).isPage }
      case .notMapped:
        !isMap
          && pages.contains { changed[$0] == nil && machine.firmwareSeen($0) == .notPresent }
      case .invalidEntry: has(.reserved)
      case .noMemory: has(.outside)
      case .outOfFrames: machine.allocator.freeFrames < 20
      case .rangeNotCanonical: true
      default: false
      }
    return isReason ? nil : "no reason for \(error)"
  }

  func compare(_ start: UInt64, _ pageCount: UInt64, isComplete: Bool) -> String? {
    var pages = [start &- 4096, start, start &+ (pageCount - 1) << 12, start &+ pageCount << 12]
    pages += borders
    if isComplete { pages += changed.keys }
    for page in pages where machine.paging.linearAddressWidth.isCanonical(page) {
      if machine.seen(page) != expected(page) {
        return "\(String(page, radix: 16)) shows \(machine.seen(page)), not \(expected(page))"
      }
    }
    guard isComplete else { return nil }
    if machine.changedFirmwareByteCount != 0 { return "the firmware's tables were written" }
    return machine.violations.first.map { "\($0)" }
  }
}

extension SeenPage {
  var isPage: Bool {
    if case .page = self { true } else { false }
  }

  /// The same page with other rights, and for another privilege where that is said.
  func with(_ rights: PageRights, isUser: Bool?) -> SeenPage {
    guard let isUser,
      case .page(
        let physical, let isWritable, _, let isNoExecute, let isGlobal, let key, let patIndex,
        let software, let status) = self
    else { return with(rights) }
    return SeenPage.page(
      physical: physical, isWritable: isWritable, isUser: isUser, isNoExecute: isNoExecute,
      isGlobal: isGlobal, key: key, patIndex: patIndex, software: software, status: status
    ).with(rights)
  }
}
