// BootMachine: memory with firmware's tables in it, and a boot table over them.

import MMU
import Testing

@testable import GuestMem

/// Guest memory whose first 2 MiB hold the tables of a firmware, and a boot table that adopted them.
struct BootMachine: ~Copyable {
  /// The firmware's part of memory, which the allocator does not give out.
  static let firmwareByteCount: UInt64 = 2 << 20

  let memory: GuestMemory
  var allocator: FrameAllocator
  var table: BootPageTable
  let paging: PagingConfiguration
  /// The firmware's root.
  let firmwareRoot: UInt64
  /// Every byte of the firmware's part, before anything was adopted.
  let firmware: [UInt8]

  init(
    _ layout: FirmwareLayout, levels: Level = .pageMapLevel4, byteCount: UInt64 = 8 << 20,
    freeFrameCount: UInt64? = nil
  ) throws {
    let memory = try GuestMemory(byteCount: byteCount, backing: .anonymous)
    var writer = FirmwareWriter(memory: memory.view, next: 0x10_0000)
    let firmwareRoot = writer.write(layout, levels: levels)
    let firmware = memory.view.readBytes(
      at: physical(0), count: Int(Self.firmwareByteCount))
    var allocator = try FrameAllocator(byteCount: byteCount)
    try allocator.reserve(0..<Self.firmwareByteCount)
    let paging = try PagingConfiguration(rootLevel: levels, physicalAddressWidth: 46)
    let table = try BootPageTable(
      adopting: firmwareRoot | 0x18, configuration: paging, memory: memory.view,
      allocator: &allocator)
    if let freeFrameCount {
      _ = try allocator.allocate(byteCount: (allocator.freeFrames - freeFrameCount) * 4096)
    }
    self.memory = memory
    self.allocator = allocator
    self.table = table
    self.paging = paging
    self.firmwareRoot = firmwareRoot
    self.firmware = firmware ?? []
  }

  /// The number of bytes of the firmware's part that are others than before.
  var changedFirmwareByteCount: Int {
    let now = memory.view.readBytes(at: physical(0), count: Int(Self.firmwareByteCount)) ?? []
    return zip(now, firmware).count { $0 != $1 }
  }

  var violations: [ContractViolation] {
    table.contractViolations(
      allocator: allocator, context: ContractContext(completeness: .everyRoot))
  }

  /// What the manual's rules make of the boot table's bytes.
  func seen(_ address: UInt64) -> SeenPage {
    SeenPage(address, cr3: table.rootAddress.rawValue, paging, in: memory.view)
  }

  /// What they make of the firmware's.
  func firmwareSeen(_ address: UInt64) -> SeenPage {
    SeenPage(address, cr3: firmwareRoot, paging, in: memory.view)
  }
}

/// Everything that an access through a linear address depends on, or how it ends without a page.
///
/// The size of the page is no part of it: a split may change it.
enum SeenPage: Hashable {
  case page(
    physical: UInt64, isWritable: Bool, isUser: Bool, isNoExecute: Bool, isGlobal: Bool,
    key: UInt8, patIndex: UInt8, software: UInt16, status: UInt64)
  case notPresent, reserved, outside, notCanonical

  init(_ address: UInt64, cr3: UInt64, _ paging: PagingConfiguration, in memory: MemoryView) {
    let walk = Walk(address, cr3: cr3, configuration: paging, in: memory)
    switch walk.end {
    case .page(let found):
      self = .page(
        physical: found.physicalAddress.rawValue, isWritable: found.isWritable,
        isUser: found.isUser, isNoExecute: found.isNoExecute, isGlobal: found.isGlobal,
        key: found.protectionKey, patIndex: found.patIndex, software: found.leaf.softwareBits,
        status: found.leaf.rawValue & 0x60)
    case .notPresent: self = .notPresent
    case .reservedBits: self = .reserved
    case .tableOutsideMemory: self = .outside
    case .notCanonical: self = .notCanonical
    }
  }

  /// What a page with these properties shows.
  init(_ properties: PageProperties, at address: UInt64) {
    let word = LeafBits(properties, in: .native).small
    self = .page(
      physical: address, isWritable: properties.rights.contains(.write), isUser: properties.isUser,
      isNoExecute: !properties.rights.contains(.execute), isGlobal: properties.isGlobal,
      key: properties.protectionKey, patIndex: PageTableEntry(word, at: .pageTable).patIndex,
      software: properties.softwareBits, status: word & 0x60)
  }

  /// The same page with other rights.
  func with(_ rights: PageRights) -> SeenPage {
    guard
      case .page(
        let physical, _, let isUser, _, let isGlobal, let key, let pat, let software, let s) = self
    else { return self }
    return .page(
      physical: physical, isWritable: rights.contains(.write), isUser: isUser,
      isNoExecute: !rights.contains(.execute), isGlobal: isGlobal, key: key, patIndex: pat,
      software: software, status: s)
  }
}

/// The first and the last page of everything that the entries below a root decide, found by reading
/// words with the rules of the manual and nothing of the code under test.
func everyBorder(cr3: UInt64, _ paging: PagingConfiguration, in memory: MemoryView) -> [UInt64] {
  var visitor = BorderVisitor()
  PageTables(cr3: cr3, configuration: paging).traverse(in: memory, &visitor)
  return visitor.addresses
}

private struct BorderVisitor: TableVisitor {
  var addresses: [UInt64] = []

  mutating func visit(_ table: TableVisit) -> TraversalDecision { .enter }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    if entry.kind == .table { return .enter }
    addresses.append(entry.linearAddress)
    addresses.append(entry.linearAddress &+ (table.level.span - 4096))
    return .skip
  }
}
