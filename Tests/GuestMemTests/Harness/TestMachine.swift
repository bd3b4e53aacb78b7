// TestMachine: memory, frames and a page table for one test.

import GuestMem
import MMU
import Testing

/// Guest memory with an allocator and a page table, and what tests ask of them.
struct TestMachine: ~Copyable {
  let memory: GuestMemory
  var allocator: FrameAllocator
  var table: PageTable

  init(
    levels: Level = .pageMapLevel4, byteCount: UInt64 = 16 << 20, isNoExecuteEnabled: Bool = true,
    supports1GiBPages: Bool = true
  ) throws {
    let memory = try GuestMemory(byteCount: byteCount, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: byteCount, freeMemory: .zero)
    let paging = try PagingConfiguration(
      rootLevel: levels, physicalAddressWidth: 46, isNoExecuteEnabled: isNoExecuteEnabled,
      supports1GiBPages: supports1GiBPages)
    let table = try PageTable(configuration: paging, memory: memory.view, allocator: &allocator)
    self.memory = memory
    self.allocator = allocator
    self.table = table
  }

  /// The translation of an address that is mapped.
  func translation(_ rawValue: UInt64) throws -> MappedPage<NativePaging> {
    let found = table.translate(linear(rawValue))
    return try #require(found, "nothing is mapped at \(String(rawValue, radix: 16))")
  }

  /// Every byte of guest memory.
  var bytes: [UInt8] {
    memory.view.readBytes(
      at: GuestPhysicalAddress(truncating: 0), count: Int(memory.byteCount)) ?? []
  }
}

/// A linear address made canonical for the widest format.
func linear(_ rawValue: UInt64) -> LinearAddress {
  LinearAddress(truncating: rawValue, width: .bits57)
}

/// A physical address.
func physical(_ rawValue: UInt64) -> GuestPhysicalAddress {
  GuestPhysicalAddress(truncating: rawValue)
}

/// Properties worth trying: every value of each property, with the others plain and odd.
var everyProperty: [PageProperties] {
  var all: [PageProperties] = []
  for type in MemoryType.allCases {
    for rawRights in [1, 3, 5, 7] as [UInt8] {
      for flags in 0..<16 {
        all.append(
          PageProperties(
            rights: PageRights(rawValue: rawRights), isUser: flags & 1 != 0,
            isGlobal: flags & 2 != 0, isAccessed: flags & 4 != 0, isDirty: flags & 8 != 0,
            memoryType: type, protectionKey: UInt8(flags) ^ rawRights,
            softwareBits: UInt16(flags) << 6 | UInt16(rawRights)))
      }
    }
  }
  for bit in 0..<10 { all.append(PageProperties(rights: .read, softwareBits: 1 << UInt16(bit))) }
  for key in 0..<16 { all.append(PageProperties(rights: .read, protectionKey: UInt8(key))) }
  return all
}

/// Every combination of properties of pages that may be read and the OSTD format has.
var everyOSTDProperty: [PageProperties] {
  var all: [PageProperties] = []
  for type in [MemoryType.writeBack, .writeThrough, .writeCombining, .uncacheable] {
    for rawRights in [1, 3, 5, 7] as [UInt8] {
      for flags in 0..<64 {
        all.append(
          PageProperties(
            rights: PageRights(rawValue: rawRights), isUser: flags & 1 != 0,
            isGlobal: flags & 2 != 0, isAccessed: flags & 4 != 0, isDirty: flags & 8 != 0,
            memoryType: type, softwareBits: UInt16(flags >> 4) << 3))
      }
    }
  }
  return all
}
