// Rights that entries above a page deny, in every combination with what the page is told to have.

import MMU
import Testing

@testable import GuestMem

/// One chain of tables, one below each other, whose first entries have bits that a test chooses.
private struct BootChain: ~Copyable {
  static let firmwareRoot: UInt64 = 0x10_0000
  static let free: UInt64 = 8 << 12
  /// A page of 4 KiB with other bits, one of 2 MiB, one of 1 GiB, and page 3 by another entry.
  static let neighbours: [UInt64] = [
    0, 1 << 12, 2 << 12, 3 << 12, 4 << 12, 5 << 12, 6 << 12, 7 << 12, 0x20_0000, 1 << 30,
    1 << 39 | 3 << 12,
  ]

  let memory: GuestMemory
  var allocator: FrameAllocator
  let paging: PagingConfiguration

  init() throws {
    let memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 4 << 20)
    try allocator.reserve(0..<2 << 20)
    let paging = try PagingConfiguration(physicalAddressWidth: 46)
    self.memory = memory
    self.allocator = allocator
    self.paging = paging
  }

  /// R/W, U/S and XD as the bits of a number, with P.
  static func word(_ rights: UInt64) -> UInt64 {
    (rights & 3) << 1 | 1 | (rights >> 2) << 63
  }

  /// Writes the tables: the first entry at `level` has `rights`, those of other levels have all.
  func write(rights: UInt64, at level: UInt64) {
    for above in 2...4 as ClosedRange<UInt64> {
      let table = Self.firmwareRoot + (4 - above) << 12
      let bits = above == level ? Self.word(rights) : Self.word(3)
      memory.view.storeWord((table + 4096) | bits, at: physical(table))
    }
    memory.view.storeWord(
      (Self.firmwareRoot + 4096) | Self.word(3), at: physical(Self.firmwareRoot + 8))
    memory.view.storeWord(1 << 30 | 0x83, at: physical(Self.firmwareRoot + 0x1008))
    memory.view.storeWord(0x20_0087, at: physical(Self.firmwareRoot + 0x2008))
    for page in 0..<8 as Range<UInt64> {
      memory.view.storeWord(
        (0x20_0000 + page << 12) | Self.word(page),
        at: physical(Self.firmwareRoot + 0x3000 + page << 3))
    }
  }

  func seen(_ address: UInt64, cr3: UInt64) -> SeenPage {
    SeenPage(address, cr3: cr3, paging, in: memory.view)
  }

  /// The bits of the first entries at levels 4, 3 and 2, besides the address.
  func links(from root: UInt64) -> [UInt64] {
    var table = root
    return (0..<3).map { _ in
      let word = memory.view.loadWord(at: physical(table)) ?? 0
      table = word & EntryBits.address
      return word & ~EntryBits.address
    }
  }

  /// Adopts the tables, makes a change, and says what is wrong then; `expected` gets what was seen
  /// at the address before.
  mutating func problem(
    at address: UInt64, needed: UInt64,
    _ change: (inout BootPageTable, inout FrameAllocator) throws(PageTableError) -> Void,
    expected: (SeenPage) -> SeenPage
  ) throws -> String? {
    var table = try BootPageTable(
      adopting: Self.firmwareRoot, configuration: paging, memory: memory.view,
      allocator: &allocator)
    try change(&table, &allocator)
    let root = table.rootAddress.rawValue
    var problem: String?
    for other in Self.neighbours where other != address {
      if seen(other, cr3: root) != seen(other, cr3: Self.firmwareRoot) {
        problem = "\(String(other, radix: 16)) shows \(seen(other, cr3: root))"
      }
    }
    let wanted = expected(seen(address, cr3: Self.firmwareRoot))
    if seen(address, cr3: root) != wanted {
      problem = "the page shows \(seen(address, cr3: root)), not \(wanted)"
    }
    // What the page needs is given on the whole way, and nothing else becomes another bit.
    let before = links(from: Self.firmwareRoot)
    let given = before.map { ($0 | needed & 6) & ~(needed & 1 << 63) }
    if links(from: root) != given { problem = "the links are \(links(from: root)), not \(given)" }
    table.dismiss(allocator: &allocator)
    return problem
  }
}

@Suite("An entry above a page gives what the page is told to have, and nothing else changes")
struct BootGrantTests {
  /// What a page needs of the entries above it: R/W and U/S set, and XD clear.
  static func needed(_ rights: PageRights?, isUser: Bool?) -> UInt64 {
    var bits: UInt64 = isUser == true ? 4 : 0
    if rights?.contains(.write) == true { bits |= 2 }
    if rights?.contains(.execute) == true { bits |= 1 << 63 }
    return bits
  }

  static let everyRight: [PageRights?] = [
    nil, .read, [.read, .write], [.read, .execute], [.read, .write, .execute],
  ]

  @Test("Protecting: every entry at every level, every page, every change of rights")
  func protect() throws {
    var chain = try BootChain()
    for level in 2...4 as ClosedRange<UInt64> {
      for denied in 0..<8 as Range<UInt64> {
        chain.write(rights: denied, at: level)
        for page in 0..<8 as Range<UInt64> {
          for rights in Self.everyRight {
            for isUser in [nil, false, true] as [Bool?] {
              let problem = try chain.problem(
                at: page << 12, needed: Self.needed(rights, isUser: isUser)
              ) { (table, allocator) throws(PageTableError) in
                try table.protect(
                  linear(page << 12), change: PropertyChange(rights: rights, isUser: isUser),
                  allocator: &allocator)
              } expected: { before in
                guard
                  case .page(
                    let physical, let isWritable, let wasUser, let isNoExecute, let isGlobal,
                    let key, let pat, let software, let status) = before
                else { return before }
                return .page(
                  physical: physical, isWritable: rights?.contains(.write) ?? isWritable,
                  isUser: isUser ?? wasUser,
                  isNoExecute: rights.map { !$0.contains(.execute) } ?? isNoExecute,
                  isGlobal: isGlobal, key: key, patIndex: pat, software: software, status: status)
              }
              #expect(
                problem == nil,
                "level \(level), entry \(denied), page \(page), \(rights as Any), \(isUser as Any)"
              )
            }
          }
        }
      }
    }
    #expect(chain.allocator.freeFrames == 512)
  }

  @Test("Mapping: every entry at every level, and pages with every right and odd bits")
  func map() throws {
    var chain = try BootChain()
    for level in 2...4 as ClosedRange<UInt64> {
      for denied in 0..<8 as Range<UInt64> {
        chain.write(rights: denied, at: level)
        for rights in Self.everyRight.compactMap({ $0 }) {
          for flags in 0..<8 as Range<UInt16> {
            let properties = PageProperties(
              rights: rights, isUser: flags & 1 != 0, isGlobal: flags & 2 != 0,
              isAccessed: flags & 4 != 0, isDirty: flags & 2 != 0,
              memoryType: flags & 4 != 0 ? .writeCombining : .writeBack,
              protectionKey: UInt8(flags), softwareBits: flags << 7 | flags)
            let problem = try chain.problem(
              at: BootChain.free, needed: Self.needed(rights, isUser: properties.isUser)
            ) { (table, allocator) throws(PageTableError) in
              try table.map(
                linear(BootChain.free), to: physical(0x3f_f000), properties: properties,
                allocator: &allocator)
            } expected: { _ in
              SeenPage(properties, at: 0x3f_f000)
            }
            #expect(problem == nil, "level \(level), entry \(denied), \(properties)")
          }
        }
      }
    }
    #expect(chain.allocator.freeFrames == 512)
  }
}

@Suite("A table that cannot be adopted is named by its place")
struct BootTablePlaceTests {
  /// Indices at both ends, in the middle, and in the upper half.
  static let indices: [UInt64] = [0, 1, 255, 256, 300, 511]

  @Test(
    "Its level, and the first address it is used for",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func places(levels: Level) throws {
    let memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
    let paging = try PagingConfiguration(rootLevel: levels, physicalAddressWidth: 46)
    let width: LinearAddressWidth = levels == .pageMapLevel5 ? .bits57 : .bits48
    let root: UInt64 = 0x10_0000
    for shift in 0..<Self.indices.count {
      for lowest in 1..<UInt64(levels.rawValue) {
        memory.view.fill(at: physical(root), byteCount: 5 << 12, with: 0)
        var position: UInt64 = 0
        var table = root
        for level in (lowest + 1...UInt64(levels.rawValue)).reversed() {
          let index = Self.indices[(Int(level) * 5 + shift) % Self.indices.count]
          position |= index << (12 + 9 * (level - 1))
          memory.view.storeWord((table + 4096) | 3, at: physical(table | index << 3))
          table += 4096
        }
        let address = LinearAddress(truncating: position, width: width).rawValue
        let level = try #require(Level(rawValue: UInt8(lowest)))
        var allocator = try FrameAllocator(byteCount: memory.byteCount)
        try allocator.reserve(root..<table)
        #expect(
          throws: AdoptionError.tableIsFree(address: table, level: level, linearAddress: address)
        ) {
          _ = try BootPageTable(
            adopting: root, configuration: paging, memory: memory.view, allocator: &allocator)
        }
        try allocator.reserve(table..<table + 4096)
        allocator.metadata.setNodeState(
          NodeState(level: .pageTable, presentCount: 0), of: table >> 12)
        #expect(
          throws: AdoptionError.tableIsNode(address: table, level: level, linearAddress: address)
        ) {
          _ = try BootPageTable(
            adopting: root, configuration: paging, memory: memory.view, allocator: &allocator)
        }
        let first = AdoptionError.tableIsFree(address: table, level: level, linearAddress: address)
        #expect(first.message.contains("\(level.abbreviation) at 0x\(String(table, radix: 16))"))
        #expect(first.message.contains("used for 0x\(String(address, radix: 16)), is in"))
      }
    }
  }
}
