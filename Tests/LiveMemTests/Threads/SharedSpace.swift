// SharedSpace: a shared page table of real size, with what a test wants to know about it.

import GuestMem
import MMU
import Testing

@testable import LiveMem

/// Real tables under the protocol of readers' and writers' locks.
enum ReaderWriterPaging: SharedPageTableConfiguration {
  typealias Access = HardwareAccess
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var lockProtocol: LockProtocol { .rw }
}

/// Real tables under one lock.
enum OneLockPaging: SharedPageTableConfiguration {
  typealias Access = HardwareAccess
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var lockProtocol: LockProtocol { .oneLock }
}

/// A shared table, its memory and its pool.
final class SharedSpace<Configuration: SharedPageTableConfiguration>: Sendable
where Configuration.Access == HardwareAccess {
  let table: SharedPageTable<Configuration>
  let pool: FramePool<HardwareAccess>
  let frameCount: UInt64

  init(
    frames: UInt64 = 512, rootLevel: Level = .pageMapLevel4, pins: Int = 64, processors: Int = 4,
    kick: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws {
    let memory = try GuestMemory(byteCount: frames * 4096, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: frames * 4096)
    pool = try FramePool(
      memory: memory.view, byteCount: frames * 4096, allocator: &allocator, poisonsReturned: true)
    frameCount = frames
    table = try SharedPageTable(
      paging: PagingConfiguration(rootLevel: rootLevel), pool: pool,
      epochs: EpochDomain(capacity: pins), processors: ProcessorSet(count: processors),
      flushing: .byProcessors(kick: kick))
  }

  /// The contracts of one thread's tables, and where every frame is; nobody may use the table.
  func problems() throws -> [String] {
    let allocator = try FrameAllocator(byteCount: frameCount * 4096)
    var problems = ContractChecker<Configuration>.violations(
      of: [table.root], in: table.tables, allocator: allocator
    ).map { "\($0)" }
    for _ in 0..<3 { table.reclaim() }
    var reachable: [TableFrame] = []
    table.collectTables(table.root, level: table.tables.rootLevel, into: &reachable)
    let free = pool.freeFrameCount
    if UInt64(reachable.count) + free != frameCount || table.retiredFrameCount != 0 {
      problems.append(
        "\(reachable.count) tables, \(free) free and \(table.retiredFrameCount) retired frames of "
          + "\(frameCount)")
    }
    return problems
  }
}

/// The linear address of a number below 2^47.
func linear(_ address: UInt64) -> LinearAddress {
  LinearAddress(truncating: address, width: .bits57)
}

func physical(_ address: UInt64) -> GuestPhysicalAddress {
  GuestPhysicalAddress(truncating: address)
}
