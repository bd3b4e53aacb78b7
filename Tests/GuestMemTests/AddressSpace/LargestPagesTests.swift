// The choice of the largest pages, at every border of every size.

import MMU
import Testing

@testable import GuestMem

@Suite("A range gets the largest pages that its ends and its target allow")
struct LargestPagesTests {
  /// The largest size, up to `largest`, that a page may have here.
  static func size(
    _ linear: UInt64, _ physical: UInt64, _ rest: UInt64, _ largest: PageSize
  ) -> PageSize {
    [PageSize.size1GiB, .size2MiB].first {
      $0 <= largest && linear % $0.byteCount == 0 && physical % $0.byteCount == 0
        && rest >= $0.byteCount
    } ?? .size4KiB
  }

  static let borders: [UInt64] = [
    0, 0x1000, 0x1f_f000, 0x20_0000, 0x20_1000, 0x3fdf_f000, 0x3fe0_0000, 0x3fff_f000, 0x4000_0000,
    0x4000_1000, 0x4020_0000,
  ]

  @Test("As the list says, and as they are mapped", arguments: [true, false])
  func everyBorder(has1GiBPages: Bool) throws {
    var machine = try TestMachine(supports1GiBPages: has1GiBPages)
    let largest = has1GiBPages ? PageSize.size1GiB : .size2MiB
    var sizes: [PageSize: Int] = [:]
    for start in Self.borders {
      for target in [start, start ^ 0x1000, start ^ 0x20_0000, start ^ 0x4000_0000] {
        // Pages of 4 KiB throughout would be many.
        let ends =
          target == start ^ 0x1000
          ? [0x1000, 0x20_0000, 0x40_1000].map { start + $0 }
          : Self.borders.map { $0 + 0x4000_0000 }
        for end in ends where end > start {
          let pages = try machine.table.largestPages(
            linear(start), byteCount: end - start, to: physical(target))
          var next = start
          var list: [PagePlacement] = []
          for page in pages {
            let offset = next - start
            #expect(page.linearAddress == linear(next))
            #expect(page.physicalAddress == physical(target + offset))
            #expect(page.size == Self.size(next, target + offset, end - next, largest))
            sizes[page.size, default: 0] += 1
            next += page.size.byteCount
            list.append(page)
          }
          #expect(next == end)
          guard target == start else { continue }
          // The two choices of code agree: the list's and the map's.
          try machine.table.map(
            linear(start), byteCount: end - start, to: physical(target),
            properties: PageProperties(rights: .read), allocator: &machine.allocator)
          let wrong = list.first {
            let found = machine.table.translate($0.linearAddress)
            return found?.pageSize != $0.size || found?.physicalAddress != $0.physicalAddress
          }
          #expect(wrong == nil)
          try machine.table.unmap(
            linear(start), byteCount: end - start, allocator: &machine.allocator)
        }
      }
    }
    #expect(sizes.count == (has1GiBPages ? 3 : 2))
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("What cannot be mapped has no pages")
  func refusals() throws {
    let machine = try TestMachine()
    #expect(throws: PageTableError.self) {
      _ = try machine.table.largestPages(linear(1), byteCount: 4096, to: physical(0))
    }
    #expect(throws: PageTableError.self) {
      _ = try machine.table.largestPages(linear(0), byteCount: 4096, to: physical(1))
    }
    #expect(throws: PageTableError.self) {
      _ = try machine.table.largestPages(linear(0), byteCount: 4095, to: physical(0))
    }
    #expect(throws: PageTableError.self) {
      _ = try machine.table.largestPages(linear(1 << 47 - 4096), byteCount: 8192, to: physical(0))
    }
    #expect(
      throws: PageTableError.physicalAddressTooWide(1 << 46 - 4096, byteCount: 8192, width: 46)
    ) {
      _ = try machine.table.largestPages(linear(0), byteCount: 8192, to: physical(1 << 46 - 4096))
    }
    let last = try machine.table.largestPages(
      linear(0), byteCount: 4096, to: physical(1 << 46 - 4096))
    #expect(Array(last).count == 1)
  }
}
