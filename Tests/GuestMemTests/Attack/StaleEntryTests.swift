// Entries that somebody else writes between the moment they are read and the moment they are changed.

import MMU
import Testing

@testable import GuestMem

@Suite("An entry that changed since it was read is not overwritten unseen")
struct StaleEntryTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test("A table that a second value linked stays linked")
  func linkedMeanwhile() throws {
    var machine = try TestMachine()
    var second = try machine.table.shallowCopy()
    let free = machine.allocator.freeByteCount
    try machine.table.withRoot(allocator: &machine.allocator) {
      (root, allocator) throws(EntryError) in
      try root.withEntry(at: 0) { (entry) throws(EntryError) in
        do throws(PageTableError) {
          try second.map(
            linear(0), byteCount: 4096, to: physical(0x5000), properties: Self.plain,
            allocator: &allocator)
        } catch {
          Issue.record(error)
        }
        let node = try entry.allocateIfNone(allocator: &allocator)
        let found = (isNew: node != nil, isNode: entry.isNode)
        #expect(!found.isNew && found.isNode)
      }
    }
    #expect(try machine.translation(0).physicalAddress == physical(0x5000))
    #expect(machine.allocator.freeByteCount == free - 3 * 4096)
    second.destroy(allocator: &machine.allocator)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("What cannot be decoded is refused, and the child stays with the caller")
  func scribbledMeanwhile() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 1 << 30, to: physical(0), properties: Self.plain,
      pageSizes: .exactly(.size2MiB), allocator: &machine.allocator)
    let view = machine.memory.view
    let free = machine.allocator.freeByteCount
    // Not present but not zero, and PS in an entry whose P is clear.
    for word in [0x10, 0x80] as [UInt64] {
      try machine.table.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        let place = physical(entry.table.address | UInt64(entry.index) << 3)
        let before = entry.word
        view.storeWord(word, at: place)
        var child = Child<NativePaging>.page(
          PageItem(untracked: physical(1 << 21), level: .pageDirectory, properties: Self.plain))
        #expect(throws: EntryError.invalidEntry(level: .pageDirectory, index: 0, entry: word)) {
          try entry.replace(with: &child)
        }
        let isKept = !child.isNone
        #expect(isKept)
        #expect(view.loadWord(at: place) == word)
        view.storeWord(before, at: place)
      }
      try machine.table.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        let place = physical(entry.table.address | UInt64(entry.index) << 3)
        let before = entry.word
        view.storeWord(word, at: place)
        #expect(throws: EntryError.invalidEntry(level: .pageDirectory, index: 0, entry: word)) {
          _ = try entry.splitIfLarge(
            allocator: &allocator, breakBeforeMake: { Issue.record("the flush ran") })
        }
        #expect(view.loadWord(at: place) == word)
        view.storeWord(before, at: place)
      }
    }
    #expect(machine.allocator.freeByteCount == free)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }
}
