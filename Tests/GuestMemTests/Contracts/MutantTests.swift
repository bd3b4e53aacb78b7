// Mutants: what broken implementations leave behind, each caught by a named check.

import MMU
import Testing

@testable import GuestMem

/// Where an entry of the table under test stands.
struct EntryPlace {
  var address: GuestPhysicalAddress
  var frame: UInt64
  var word: UInt64
}

/// A broken variant of an operation: the real one, and then what the bug would have done.
struct Mutant: Sendable {
  let name: String
  /// The name of the rule that catches it, or `model` or `outside`.
  let caughtBy: String
  let operation: Operation
  let damage: @Sendable (inout World<NativePaging>, MemoryImage) -> Void

  init(
    _ name: String, _ caughtBy: String, _ operation: Operation,
    _ damage: @escaping @Sendable (inout World<NativePaging>, MemoryImage) -> Void
  ) {
    self.name = name
    self.caughtBy = caughtBy
    self.operation = operation
    self.damage = damage
  }
}

extension World {
  /// The entry at `level` that decides a page.
  func place(_ page: UInt64, _ level: UInt64) -> EntryPlace {
    let position = page << 12
    let span = model.span(level)
    let entry = image.entries.first { entry in
      entry.level == level && entry.position <= position && position - entry.position < span
    }
    guard let entry else { return EntryPlace(address: physical(0), frame: 0, word: 0) }
    return EntryPlace(
      address: physical(entry.frame << 12 | UInt64(entry.index) << 3), frame: entry.frame,
      word: entry.word)
  }

  func patch(_ page: UInt64, _ level: UInt64, _ change: (UInt64) -> UInt64) {
    let place = place(page, level)
    memory.view.storeWord(change(place.word), at: place.address)
  }

  /// The frame of the table below an entry.
  func table(below page: UInt64, _ level: UInt64) -> UInt64 {
    (place(page, level).word & 0x000f_ffff_ffff_f000) >> 12
  }

  func patchState(_ frame: UInt64, _ change: (inout NodeState) -> Void) {
    var state = allocator.metadata.nodeState(of: frame)
    change(&state)
    allocator.metadata.setNodeState(state, of: frame)
  }
}

@Suite("Every broken variant is caught by the check it should be caught by")
struct MutantTests {
  static let plain = PageProperties(rights: [.read, .write])
  static let split = Operation.split(512, .pageDirectory)
  static let split1GiB = Operation.split(1 << 18, .pageDirectoryPointerTable)
  static let unmap = Operation.unmap(2, 2)
  static let protect = Operation.protect(2, 2, PropertyChange(rights: .read))
  static let map = Operation.map(16, 4, to: 100, plain, .largest)
  static let collapse = Operation.collapse(1024, .pageDirectory)

  static let mutants: [Mutant] = [
    Mutant("split makes a node of the same level", "level-chain", split) { world, _ in
      let frame = world.table(below: 512, 2)
      world.patchState(frame) { $0 = NodeState(level: .pageDirectory, presentCount: 512) }
    },
    Mutant("split of 1 GiB steps by 4 KiB", "model", split1GiB) { world, _ in
      world.patch(1 << 18 | 512, 2) { $0 - 0x20_0000 + 0x1000 }
    },
    Mutant("split forgets the dirty bit", "model", split) { world, _ in
      world.patch(515, 1) { $0 & ~0x40 }
    },
    Mutant("split leaves PAT in bit 12", "model", split) { world, _ in
      world.patch(514, 1) { $0 & ~0x80 | 0x1000 }
    },
    Mutant("split keeps PS in 4 KiB pieces", "codec", split) { world, _ in
      world.patch(514, 1) { $0 ^ 0x80 }
    },
    Mutant("split forgets a piece", "present-count", split) { world, _ in
      world.patch(1023, 1) { _ in 0 }
    },
    Mutant("split counts no pieces", "present-count", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0.presentCount = 0 }
    },
    Mutant("split leaves the new node locked", "others-unlocked", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0 = $0.locked(by: .current) }
    },
    Mutant("split locks the new node for nobody", "guard-relation", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0.rawValue |= 1 }
    },
    Mutant("split leaves the holder of the new node", "others-unlocked", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0.rawValue |= 77 << 42 }
    },
    Mutant("split leaves somebody waiting", "others-unlocked", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0.rawValue |= 1 << 26 }
    },
    Mutant("split leaves a place that was given up", "others-unlocked", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0.rawValue |= 2 << 26 }
    },
    Mutant("split counts in bits that nobody uses", "others-unlocked", split) { world, _ in
      world.patchState(world.table(below: 512, 2)) { $0.rawValue |= 1 << 14 }
    },
    Mutant("split links below a supervisor entry", "link-rights", split) { world, _ in
      world.patch(512, 2) { $0 & ~4 }
    },
    Mutant("split links read-only", "codec", split) { world, _ in
      world.patch(512, 2) { $0 & ~2 }
    },
    Mutant("split copies XD into the link", "codec", split) { world, _ in
      world.patch(512, 2) { $0 | 1 << 63 }
    },
    Mutant("collapse forgets the dirty bit of a piece", "model", collapse) { world, _ in
      world.patch(1024, 2) { $0 & ~0x40 }
    },
    Mutant("collapse leaves PAT in bit 7", "codec", collapse) { world, _ in
      world.patch(1024, 2) { $0 | 1 << 12 }
    },
    Mutant("collapse forgets PS", "level-chain", collapse) { world, _ in
      world.patch(1024, 2) { $0 & ~0x80 }
    },
    Mutant("collapse leaks the node", "leak", collapse) { world, _ in
      if let (frame, _) = world.allocator.takeNodeFrame() {
        world.allocator.metadata.setOwnership(.shared(1), of: frame)
        world.patchState(frame) { $0 = NodeState(level: .pageTable, presentCount: 0) }
      }
    },
    Mutant("protect writes a stale snapshot", "model", protect) { world, before in
      world.patch(2, 1) { $0 & ~0x60 }
    },
    Mutant(
      "protect to no rights makes the entry absent", "present-count",
      .protect(2, 2, PropertyChange(rights: []))
    ) { world, _ in
      world.patch(2, 1) { _ in 0 }
    },
    Mutant(
      "protect to no rights leaves no marker", "nothing-else",
      .protect(2, 2, PropertyChange(rights: []))
    ) { world, _ in
      world.patch(2, 1) { $0 & ~2 }
    },
    Mutant("protect goes one page too far", "outside", protect) { world, _ in
      world.patch(4, 1) { $0 & ~2 }
    },
    Mutant("protect stops one page early", "model", protect) { world, _ in
      world.patch(3, 1) { $0 | 2 }
    },
    Mutant(
      "protect makes a user page without the links", "link-rights",
      .protect(2, 2, PropertyChange(isUser: true))
    ) { world, _ in
      world.patch(2, 3) { $0 & ~4 }
    },
    Mutant("protect changes the address", "model", protect) { world, _ in
      world.patch(2, 1) { $0 + 0x1000 }
    },
    Mutant("unmap goes one page too far", "outside", unmap) { world, _ in
      world.patch(4, 1) { _ in 0 }
    },
    Mutant("unmap stops one page early", "model", unmap) { world, before in
      if let entry = before.entries.first(where: { $0.level == 1 && $0.position == 3 << 12 }) {
        world.memory.view.storeWord(
          entry.word, at: physical(entry.frame << 12 | UInt64(entry.index) << 3))
      }
    },
    Mutant("unmap does not count down", "present-count", unmap) { world, _ in
      world.patchState(world.table(below: 0, 2)) { $0.presentCount += 2 }
    },
    Mutant("unmap counts one too many", "present-count", unmap) { world, _ in
      world.patchState(world.table(below: 0, 2)) { $0.presentCount -= 1 }
    },
    Mutant("unmap clears P only", "nothing-else", unmap) { world, before in
      if let entry = before.entries.first(where: { $0.level == 1 && $0.position == 3 << 12 }) {
        world.memory.view.storeWord(
          entry.word & ~3, at: physical(entry.frame << 12 | UInt64(entry.index) << 3))
      }
    },
    Mutant("unmap of a table marks a linked node stray", "stray", unmap) { world, _ in
      world.patchState(world.table(below: 0, 2)) { $0.isStray = true }
    },
    Mutant("unmap frees a table that is linked", "node-owners", unmap) { world, _ in
      let frame = world.table(below: 0, 2)
      world.allocator.metadata.setOwnership(.unused, of: frame)
    },
    Mutant("unmap leaves a freed frame busy", "frame-state", .unmap(0, 512)) { world, before in
      if let table = before.tables.first(where: { $0.level == 1 && $0.position == 0 }) {
        world.allocator.metadata.setOwnership(.busy, of: table.frame)
      }
    },
    Mutant("unmap drops an owner below none", "frame-state", .unmap(0, 512)) { world, before in
      if let table = before.tables.first(where: { $0.level == 1 && $0.position == 0 }) {
        world.allocator.metadata.setOwnership(.invalid(.max), of: table.frame)
      }
    },
    Mutant("map is one page off", "model", map) { world, _ in
      world.patch(17, 1) { $0 + 0x1000 }
    },
    Mutant("map overwrites a neighbour", "outside", map) { world, _ in
      world.patch(4, 1) { $0 ^ 0x1000 }
    },
    Mutant("map adds an owner to a node", "node-owners", map) { world, _ in
      world.allocator.metadata.setOwnership(.shared(2), of: world.table(below: 0, 2))
    },
    Mutant("map links one table twice", "tree", map) { world, _ in
      let word = world.place(0, 3).word
      world.patch(1 << 18, 3) { _ in word }
    },
    Mutant("map links the root", "level-chain", map) { world, _ in
      world.patch(0, 2) { $0 & 0xfff | world.table.root.address }
    },
    Mutant("map links a frame outside memory", "level-chain", map) { world, _ in
      world.patch(0, 2) { $0 & 0xfff | 1 << 40 }
    },
    Mutant("map sets an address bit the processor has not", "geometry", map) { world, _ in
      world.patch(17, 1) { $0 | 1 << 50 }
    },
    Mutant("map sets PS in the root", "nothing-else", map) { world, _ in
      world.patch(0, 4) { $0 | 0x80 }
    },
    Mutant("map forgets what the node is", "level-chain", map) { world, _ in
      world.patchState(world.table(below: 0, 2)) { $0 = NodeState(rawValue: 0) }
    },
    Mutant("map gives XD to a page that may be executed", "model", map) { world, _ in
      world.patch(17, 1) { $0 ^ 1 << 63 }
    },
    Mutant("map puts the protection key one bit off", "model", map) { world, _ in
      world.patch(17, 1) { $0 ^ 1 << 59 }
    },
  ]

  @Test("Each of the mutants", arguments: 0..<mutants.count)
  func caught(number: Int) throws {
    let mutant = Self.mutants[number]
    var world = try World<NativePaging>(levels: .pageMapLevel4, frameCount: 256)
    let dirty = PageProperties(
      rights: [.read, .write], isUser: true, isAccessed: true, isDirty: true)
    for setup in [
      .map(0, 8, to: 64, Self.plain, .largest), .hardware(2, 0x60), .hardware(3, 0x60),
      .map(512, 512, to: 512, dirty, .exactly(.size2MiB)),
      .map(1 << 18, 1 << 18, to: 0, Self.plain, .exactly(.size1GiB)),
      .map(1024, 512, to: 1024, Self.plain, .exactly(.size4KiB)), .hardware(1030, 0x60),
    ] as [Operation] {
      #expect(world.step(setup, before: world.image) == nil)
    }
    let before = world.image
    #expect(world.step(mutant.operation, before: before) == nil, "the real one is right")
    mutant.damage(&world, before)
    var checks = Set(world.violations.map { $0.rule.rawValue })
    if world.image(avoidingLoops: checks)?.leaves != world.model.leaves { checks.insert("model") }
    if world.outsideChange(mutant.operation, before: before) != nil { checks.insert("outside") }
    #expect(checks.contains(mutant.caughtBy), "\(mutant.name): caught by \(checks)")
  }

  @Test("There are 47")
  func count() {
    #expect(Self.mutants.count == 47)
    print("mutants: \(Self.mutants.count), each with the check that catches it")
  }
}

extension World {
  /// The image, or nil when the tables may go round for ever.
  func image(avoidingLoops checks: Set<String>) -> MemoryImage? {
    checks.contains("level-chain") || checks.contains("tree") ? nil : image
  }
}
