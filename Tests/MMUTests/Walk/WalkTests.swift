// WalkTests: a walk finds what was mapped, and shows every entry on the way.

import MMU
import Testing

@Suite("A walk follows the tables")
struct WalkTests {
  @Test(
    "A page of each size is found at its address, under 4 and 5 levels",
    arguments: PageSize.allCases, [Level.pageMapLevel4, .pageMapLevel5])
  func findsPage(size: PageSize, root: Level) throws {
    var path = TablePath(try PagingConfiguration(rootLevel: root))
    path.map(leaf: size.level)
    let walk = path.walk
    let translation = try #require(walk.translation)
    #expect(
      translation.physicalAddress.rawValue
        == 0x4_8000_0000 | path.linearAddress & (size.byteCount - 1))
    #expect(translation.pageSize == size)
    #expect(translation.isWritable && translation.isUser && !translation.isNoExecute)
    #expect(walk.stepCount == Int(root.rawValue - size.level.rawValue) + 1)
    for (position, step) in walk.steps.enumerated() {
      let level = try #require(Level(rawValue: root.rawValue - UInt8(position)))
      #expect(step.level == level)
      #expect(step.entryAddress.rawValue == path.entryAddress(level))
      #expect(step.entry.rawValue == path[level])
      #expect(walk.step(position) == step && walk.step(at: level) == step)
    }
    #expect(walk.lastStep?.entry == translation.leaf)
  }

  @Test("An address with a bit too many is not canonical and reads no entry", arguments: 47..<64)
  func notCanonical(bit: Int) throws {
    for root in [Level.pageMapLevel4, .pageMapLevel5] {
      var path = TablePath(try PagingConfiguration(rootLevel: root), linearAddress: 1 << bit)
      path.map()
      let isCanonical = root == .pageMapLevel5 && bit < 56
      #expect((path.walk.end == .notCanonical) == !isCanonical)
      #expect((path.walk.stepCount == 0) == !isCanonical)
    }
  }

  @Test("A clear P ends the walk at each level", arguments: Level.allCases)
  func notPresent(level: Level) throws {
    var path = TablePath(try PagingConfiguration(rootLevel: .pageMapLevel5))
    path.map()
    path[level] = ~1
    #expect(path.walk.end == .notPresent(level))
    #expect(path.walk.lastStep?.level == level)
  }

  @Test("A table outside memory is named with the address that was read", arguments: Level.allCases)
  func outsideMemory(level: Level) throws {
    var path = TablePath(try PagingConfiguration(rootLevel: .pageMapLevel5))
    path.map()
    let offset = path.entryAddress(level) & 0xfff
    let walk: Walk
    if let upper = level.upper {
      path[upper] = 0x7000_0000 | 0b111
      walk = path.walk
    } else {
      walk = Walk(
        path.linearAddress, cr3: 0x7000_0fff, configuration: path.configuration, in: path.memory)
    }
    #expect(
      walk.end == .tableOutsideMemory(level, GuestPhysicalAddress(truncating: 0x7000_0000 | offset))
    )
    let prediction = walk.predict(
      Access(.read), mode: CPUMode(privilege: .user), configuration: path.configuration)
    #expect(prediction.outcome == .pageFault([.user]))
  }
}
