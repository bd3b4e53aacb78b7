// A model without one rule, where the rule is looked at more than once.

import MMU
import Testing

@Suite("A rule that is left out is left out of the whole walk")
struct LeftOutRuleTests {
  /// Tables in which a large page and the table that stands at its address both make sense.
  private struct Tables {
    var memory = TableMemory(pageCount: 8)
    let configuration: PagingConfiguration

    init() throws {
      configuration = try PagingConfiguration(physicalAddressWidth: 48)
      memory[0x1000] = 0x2003
      memory[0x2000] = 0x3003
      // A 1 GiB page at 0, or a PD there.
      memory[0x2008] = 0x83
      // A 2 MiB page at 0, or a PT there.
      memory[0x3000] = 0x83
      // The same with bit 13, which is reserved in pages, and stands in the address of a table.
      memory[0x2010] = 0x2_4083
      memory[0x3008] = 0x4083
      memory[0] = 0x5003
      memory[0x4000] = 0x7003
      memory[0x5000] = 0x6003
    }

    func end(_ address: UInt64, without rule: ArchitectureRule?) -> WalkEnd {
      if let rule {
        return Walk(
          address, cr3: 0x1000, configuration: configuration, in: memory,
          under: EveryRuleExcept(rule)
        ).end
      }
      return Walk(address, cr3: 0x1000, configuration: configuration, in: memory).end
    }

    /// The level of the leaf and the address that is reached.
    func page(_ address: UInt64, without rule: ArchitectureRule?) -> [UInt64] {
      guard case .page(let found) = end(address, without: rule) else { return [] }
      return [UInt64(found.leaf.level.rawValue), found.physicalAddress.rawValue]
    }
  }

  @Test("Without PS a PDE and a PDPTE lead to tables, and nothing in them is reserved for pages")
  func pageSize() throws {
    let tables = try Tables()
    for rule in ArchitectureRule.allCases where rule != .pageSize(.size2MiB) {
      let offset: UInt64 = rule == .offset(in: .size2MiB) ? 0 : 0x123
      #expect(tables.page(0x123, without: rule) == [2, offset], "\(rule.id)")
    }
    #expect(tables.page(0x123, without: nil) == [2, 0x123])
    #expect(tables.page(0x123, without: .pageSize(.size2MiB)) == [1, 0x5123])
    #expect(tables.page(0x4000_0123, without: nil) == [3, 0x123])
    #expect(tables.page(0x4000_0123, without: .pageSize(.size2MiB)) == [3, 0x123])
    // The PTE that stands at 0 is a PDE now.
    #expect(tables.page(0x4000_0123, without: .pageSize(.size1GiB)) == [1, 0x6123])
    #expect(tables.page(0x123, without: .pageSize(.size1GiB)) == [2, 0x123])
  }

  @Test("What is reserved in a large page is reserved by its own rule, and only in a page")
  func reserved() throws {
    let tables = try Tables()
    #expect(tables.end(0x20_0000, without: nil) == .reservedBits(.pageDirectory, 0x4000))
    #expect(
      tables.end(0x20_0000, without: .lowAddressReserved(in: .size1GiB))
        == .reservedBits(.pageDirectory, 0x4000))
    #expect(tables.page(0x20_0000, without: .lowAddressReserved(in: .size2MiB)).first == 2)
    #expect(tables.page(0x20_0123, without: .pageSize(.size2MiB)) == [1, 0x7123])
    let large = tables.end(0x8000_0000, without: nil)
    #expect(large == .reservedBits(.pageDirectoryPointerTable, 0x2_4000))
    #expect(tables.end(0x8000_0000, without: .lowAddressReserved(in: .size2MiB)) == large)
    #expect(tables.page(0x8000_0000, without: .lowAddressReserved(in: .size1GiB)).first == 3)
    // The table at 0x24000 is outside memory.
    #expect(
      tables.end(0x8000_0000, without: .pageSize(.size1GiB))
        == .tableOutsideMemory(.pageDirectory, GuestPhysicalAddress(truncating: 0x2_4000)))
  }
}
