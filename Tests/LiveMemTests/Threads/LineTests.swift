// Which cache lines operations touch: threads whose ranges have nothing in common touch none in common.

import GuestMem
import MMU
import Synchronization
import TestSupport
import Testing

@testable import LiveMem

private protocol CountedConfiguration: SharedPageTableConfiguration
where Access == CountingAccess {}

extension CountedConfiguration {
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
}

private enum CountedAdv: CountedConfiguration {}

private enum CountedRW: CountedConfiguration {
  static var lockProtocol: LockProtocol { .rw }
}

private enum CountedOneLock: CountedConfiguration {
  static var lockProtocol: LockProtocol { .oneLock }
}

@Suite("Cache lines that operations touch")
struct LineTests {
  private enum Operation: String, CaseIterable {
    case map, translate, protect, unmap
    case table = "map and unmap a table"
  }

  /// Performs an operation in the part of the space that begins at `start`.
  private func perform<Configuration: CountedConfiguration>(
    _ operation: Operation, _ table: SharedPageTable<Configuration>, _ start: UInt64
  ) throws {
    let address = linear(start)
    let other = linear(start + 0x40_0000)
    let properties = PageProperties(rights: [.read, .write], isUser: true)
    switch operation {
    case .map:
      try table.map(address, byteCount: 0x4000, to: physical(0x1000), properties: properties)
    case .translate: _ = try table.translate(address)
    case .protect:
      try table.protect(address, byteCount: 0x4000, change: PropertyChange(rights: [.read]))
    case .unmap: try table.unmap(address, byteCount: 0x4000)
    case .table:
      try table.map(other, byteCount: 0x1000, to: physical(0), properties: properties)
      try table.unmap(other, byteCount: 0x20_0000)
    }
  }

  /// What a thread touches in its part of the space, operation by operation.
  private func touched<Configuration: CountedConfiguration>(
    _ table: SharedPageTable<Configuration>, _ start: UInt64
  ) throws -> [TouchedLines] {
    // These stay mapped, so that the tables above stay.
    for page: UInt64 in [0x10_0000, 0x3fff_f000] {
      try table.map(
        linear(start + page), byteCount: 0x1000, to: physical(0),
        properties: PageProperties(rights: [.read], isUser: true))
    }
    // Once for the thread's own frames, and once to look.
    for operation in Operation.allCases { try perform(operation, table, start) }
    return try Operation.allCases.map { operation in
      CountingAccess.startCounting()
      try perform(operation, table, start)
      return CountingAccess.stopCounting()
    }
  }

  /// The same for two threads with parts that are 1 GiB apart.
  private func touched<Configuration: CountedConfiguration>(
    _: Configuration.Type
  ) throws -> [[TouchedLines]] {
    let memory = try GuestMemory(byteCount: 1 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    let pool = try FramePool<CountingAccess>(
      memory: memory.view, byteCount: 1 << 20, allocator: &allocator, poisonsReturned: false)
    let table = try SharedPageTable<Configuration>(paging: PagingConfiguration(), pool: pool)
    let all = Mutex<[Int: [TouchedLines]]>([:])
    withThreads(2) { thread in
      let lines = try? self.touched(table, 1 << 40 + UInt64(thread) << 30)
      all.withLock { $0[thread] = lines }
    }
    let lines = all.withLock { $0 }
    return [try #require(lines[0]), try #require(lines[1])]
  }

  @Test("adv: threads with ranges of their own touch no line that another one writes")
  func adv() throws {
    let both = try touched(CountedAdv.self)
    for (index, operation) in Operation.allCases.enumerated() {
      for (other, otherOperation) in Operation.allCases.enumerated() {
        let common = both[0][index].conflicts(with: both[1][other])
        #expect(common.isEmpty, "\(operation.rawValue) beside \(otherOperation.rawValue)")
      }
      print(
        "adv, \(operation.rawValue): \(both[0][index].written.count) lines written, "
          + "\(both[0][index].lockedCount) locked operations")
    }
    // Pin, lock and the entries; a look at a page writes the pin alone.
    #expect(both[0][0].written.count == 3 && both[0][3].written.count == 3)
    #expect(both[0][1].written.count == 1)
  }

  @Test("rw: the same for ranges under tables of their own")
  func rw() throws {
    let both = try touched(CountedRW.self)
    for index in 0..<4 {
      // A writer looks at every reader's line, and writes its own only.
      #expect(both[0][index].written.isDisjoint(with: both[1][index].written))
    }
  }

  @Test("One lock: the lines of the root are everybody's")
  func oneLock() throws {
    let both = try touched(CountedOneLock.self)
    #expect(!both[0][0].written.isDisjoint(with: both[1][0].written))
    #expect(both[0][1].conflicts(with: both[1][1]).isEmpty)
  }
}
