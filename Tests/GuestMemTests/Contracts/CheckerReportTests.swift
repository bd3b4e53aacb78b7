// What the checkers of contracts report, word by word.

import MMU
import Testing

@testable import GuestMem

@Suite("A checker reports what is wrong and where, in full")
struct CheckerReportTests {
  @Test("A frame with a single owner has one handle, no page and no entry that links it")
  func uniqueFrames() throws {
    for handles in 0...3 as ClosedRange<UInt64> {
      for pages in 0...1 as ClosedRange<UInt64> {
        for links in 0...1 as ClosedRange<UInt64> {
          var machine = try AddressSpaceTests.Machine()
          let tests = AddressSpaceTests()
          let frame = try tests.mapTracked(&machine, at: 0x1000, size: .size4KiB)
          if pages == 0 {
            try machine.user.unmap(
              linear(0x1000), byteCount: 4096, allocator: &machine.allocator)
          }
          // Something else keeps the PD, where the link goes.
          try machine.user.map(
            linear(0x3000), byteCount: 4096, to: physical(0), properties: AddressSpaceTests.plain,
            allocator: &machine.allocator)
          let (table, index, level) = machine.user.tableMemory.deciding(
            0x40_0000, from: machine.user.root)
          try #require(level == 2)
          if links == 1 {
            machine.memory.view.storeWord(
              frame << 12 | 7, at: physical(table.address | UInt64(index) << 3))
          }
          machine.allocator.metadata.setOwnership(.unique, of: frame)
          var context = ContractContext(
            handles: handles == 0 ? [:] : [frame: handles], sharedRoot: machine.kernel.root)
          context.add(machine.kernel)
          let found = machine.user.contractViolations(
            allocator: machine.allocator, context: context
          ).filter { $0.rule == .uniqueness }
          let expected = ContractViolation(
            rule: .uniqueness, path: [], linearAddress: 0, level: .pageTable,
            word: FrameOwnership.unique.rawValue, frame: frame,
            detail:
              "\(handles) handles, \(pages) pages and \(links) entries refer to a unique frame")
          let isRight = handles == 1 && pages == 0 && links == 0
          #expect(found == (isRight ? [] : [expected]), "\(handles) \(pages) \(links)")
          #expect(
            expected.description.hasSuffix(
              "[PT frame 0x\(String(frame, radix: 16)) path - address 0x0 word"
                + " 0x\(String(FrameOwnership.unique.rawValue, radix: 16))]"))
        }
      }
    }
  }

  @Test("A word behind the last entry of a small table, in every table and at both ends")
  func wordsBehind() throws {
    try wordsBehind(TinyPaging.self, entryCount: 2)
    try wordsBehind(SmallPaging.self, entryCount: 4)
  }

  func wordsBehind<Configuration: PageTableConfiguration>(
    _: Configuration.Type, entryCount: Int
  ) throws {
    var world = try World<Configuration>(levels: .pageMapLevel4, frameCount: 24)
    try world.table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: .read),
      allocator: &world.allocator)
    #expect(world.violations == [])
    let tables = world.image.tables
    #expect(tables.count == 4)
    for table in tables {
      for index in [entryCount, entryCount + 1, 511] {
        for word in [1, 0x3003, 1 << 63] as [UInt64] {
          let place = physical(table.frame << 12 | UInt64(index) << 3)
          world.memory.view.storeWord(word, at: place)
          let found = world.violations
          #expect(found.map(\.rule) == [.nothingElse])
          #expect(found.map(\.detail) == ["a word behind the last entry"])
          #expect(found.first?.path == Array(repeating: 0, count: Int(4 - table.level)) + [index])
          #expect(found.first?.word == word && found.first?.frame == table.frame)
          world.memory.view.storeWord(0, at: place)
        }
      }
    }
    #expect(world.violations == [])
  }

  @Test("The end of a recording names what is held once, and another one begins with nothing")
  func secondRecording() {
    var order = LockOrder<NativePaging>()
    let thread = LockOrderTests.first
    let low = LockOrderTests.low
    let never = LockOrderViolation.neverReleased(low, by: thread)
    order.add(LockEvent(.taken, by: thread, low))
    order.end()
    #expect(order.violations == [never])
    order.end()
    #expect(order.violations == [never])
    // The root would be a parent after its child, if the child were held still.
    order.add(LockEvent(.taken, by: thread, LockOrderTests.root))
    #expect(order.violations == [never])
    let released = LockEvent(.released, by: thread, low)
    order.add(released)
    #expect(order.violations == [never, .notHeld(released)])
    order.add(LockEvent(.released, by: thread, LockOrderTests.root))
    order.end()
    #expect(order.violations == [never, .notHeld(released)] && order.eventCount == 4)
  }

  @Test("Only a lock that is held has a holder, whatever else stands in the word")
  func holders() {
    let me = ThreadIdentifier.current
    let other = ThreadIdentifier(rawValue: me.rawValue == 77 ? 78 : 77)
    for rest in [0, 1 << 2, 1 << 26, 0x3ff << 15] as [UInt64] {
      for thread in [me, other] {
        let word = UInt64(thread.rawValue) << 42 | rest
        #expect(LockHolder(NodeState(rawValue: word)) == .nobody)
        #expect(
          LockHolder(NodeState(rawValue: word | 1))
            == (thread == me ? .thisThread(me) : .otherThread(other)))
      }
      // A lock that is held by a thread without a name.
      #expect(LockHolder(NodeState(rawValue: rest | 1)) == .nobody)
    }
  }
}

@Suite("A table says what it was told about the processors that walk it")
struct LivenessTests {
  @Test("Live unless told otherwise, and then what was told last")
  func told() throws {
    var machine = try TestMachine()
    #expect(machine.table.liveness == .live && machine.table.tableMemory.liveness == .live)
    for liveness in [TableLiveness.offline, .live, .offline, .offline, .live] {
      machine.table.liveness = liveness
      #expect(machine.table.liveness == liveness)
      #expect(machine.table.tableMemory.liveness == liveness)
    }
    var boot = try BootMachine(.identity2MiB)
    #expect(boot.table.liveness == .live && boot.table.tableMemory.liveness == .live)
    for liveness in [TableLiveness.offline, .live, .offline, .offline, .live] {
      boot.table.liveness = liveness
      #expect(boot.table.liveness == liveness)
      #expect(boot.table.tableMemory.liveness == liveness)
    }
  }
}
