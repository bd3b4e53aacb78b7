// Operations with exactly as many free frames as they take, and with one less.

import MMU
import Testing

@testable import GuestMem

@Suite("An operation needs the frames that it takes and no more, across every border")
struct ExactFrameTests {
  /// Bytes before and behind a border.
  static let distances: [UInt64] = [0x1000, 0x20_0000, 0x20_1000, 0x5f_f000]

  @Test("Mapping by a boot table: pages that fit the borders, and pages that do not")
  func bootMap() throws {
    let properties = PageProperties(rights: [.read, .write])
    for border in [64 << 30, 64 << 30 | 0x60_0000, 1 << 39] as [UInt64] {
      for before in Self.distances {
        for behind in Self.distances {
          for offset in [0, 0x1000, 0x20_0000] as [UInt64] {
            let start = border - before
            let target = start & 0x3fff_ffff + offset
            try expectExact(.identity2MiB) { (machine) throws(PageTableError) in
              try machine.table.map(
                linear(start), byteCount: before + behind, to: physical(target),
                properties: properties, allocator: &machine.allocator)
            }
          }
        }
      }
    }
  }

  @Test("Protecting by a boot table: copies and splits")
  func bootProtect() throws {
    for (layout, border) in [
      (.identity2MiB, 1 << 30), (.identity2MiB, 0x60_0000), (.identity1GiB, 3 << 30),
      (.sharedDirectory, 2 << 30),
    ] as [(FirmwareLayout, UInt64)] {
      for before in Self.distances {
        for behind in Self.distances {
          try expectExact(layout) { (machine) throws(PageTableError) in
            try machine.table.protect(
              linear(border - before), byteCount: before + behind,
              change: PropertyChange(isGlobal: true), allocator: &machine.allocator)
          }
        }
      }
    }
  }

  func expectExact(
    _ layout: FirmwareLayout, _ change: (inout BootMachine) throws(PageTableError) -> Void
  ) throws {
    var free = try BootMachine(layout)
    let all = free.allocator.freeFrames
    try change(&free)
    let taken = all - free.allocator.freeFrames
    #expect(taken > 0)
    var exact = try BootMachine(layout, freeFrameCount: taken)
    #expect(throws: Never.self) { try change(&exact) }
    #expect(exact.allocator.freeFrames == 0)
    var tooFew = try BootMachine(layout, freeFrameCount: taken - 1)
    do throws(PageTableError) {
      try change(&tooFew)
      Issue.record("\(taken - 1) frames were enough")
    } catch {
      #expect(error.id == "out-of-frames")
    }
    #expect(tooFew.allocator.freeFrames == taken - 1)
  }

  @Test("Mapping and protecting by an ordinary table, one page and ranges")
  func tables() throws {
    let properties = PageProperties(rights: [.read, .write])
    for border in [64 << 30, 64 << 30 | 0x60_0000, 1 << 39] as [UInt64] {
      for before in Self.distances {
        for behind in Self.distances {
          for offset in [0, 0x1000, 0x20_0000] as [UInt64] {
            let start = border - before
            try expectExact { (machine) throws(PageTableError) in
              try machine.table.map(
                linear(start), byteCount: before + behind,
                to: physical(start & 0x3fff_ffff + offset), properties: properties,
                allocator: &machine.allocator)
            }
          }
          // Two pages of 1 GiB are there from the beginning: protecting a part splits them.
          try expectExact { (machine) throws(PageTableError) in
            try machine.table.protect(
              linear(5 << 30 - before), byteCount: before + behind,
              change: PropertyChange(rights: .read), allocator: &machine.allocator)
          }
        }
      }
    }
  }

  func expectExact(_ change: (inout TestMachine) throws(PageTableError) -> Void) throws {
    func machine(_ free: UInt64?) throws -> TestMachine {
      var machine = try TestMachine()
      try machine.table.map(
        linear(4 << 30), byteCount: 2 << 30, to: physical(4 << 30),
        properties: PageProperties(rights: [.read, .write]), allocator: &machine.allocator)
      if let free {
        _ = try machine.allocator.allocate(
          byteCount: machine.allocator.freeByteCount - free * 4096)
      }
      return machine
    }
    var free = try machine(nil)
    let all = free.allocator.freeByteCount / 4096
    try change(&free)
    let taken = all - free.allocator.freeByteCount / 4096
    #expect(taken > 0)
    var exact = try machine(taken)
    #expect(throws: Never.self) { try change(&exact) }
    #expect(exact.allocator.freeByteCount == 0)
    var tooFew = try machine(taken - 1)
    do throws(PageTableError) {
      try change(&tooFew)
      Issue.record("\(taken - 1) frames were enough")
    } catch {
      #expect(error == .outOfFrames(needed: taken, available: taken - 1))
    }
  }
}
