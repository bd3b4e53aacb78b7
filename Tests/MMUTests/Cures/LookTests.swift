// What is seen of tables whose bug no single change mends.

import MMU
import Testing

@Suite("What the words of the tables look like is said where it says more than a rule")
struct LookTests {
  private func looks(
    _ address: UInt64 = 0x1234_5678_9abc, width: UInt8 = 52, _ edit: (inout TablePath) -> Void
  ) throws -> [String] {
    var path = TablePath(
      try PagingConfiguration(physicalAddressWidth: width), linearAddress: address)
    edit(&path)
    let question = AccessQuestion(
      path.linearAddress, Access(.read), mode: CPUMode(privilege: .supervisor),
      tables: PageTables(cr3: TablePath.cr3, configuration: path.configuration))
    return question.diagnosis(in: path.memory).looks.map(\.sentence)
  }

  @Test(
    "An address of the upper half in an entry is told from a physical one, at every level",
    arguments: [.pageMapLevel4, .pageDirectoryPointerTable, .pageDirectory] as [Level],
    [40, 46, 52] as [UInt8])
  func linearAddress(_ level: Level, _ width: UInt8) throws {
    for (base, isKnown) in [
      (0xffff_ffff_8000_0000, true), (0xffff_8000_0000_0000, true), (0xffff_8880_0000_0000, true),
      (0xffff_ffff_c000_0000, false), (0xffff_c000_0000_0000, false),
    ] as [(UInt64, Bool)] {
      for flags in [3, 7, 0x63, 0x67] as [UInt64] {
        let looks = try looks(width: width) { path in
          path.map()
          path[level] = (base + path.nextTable(level)) | flags
        }
        let look = try #require(looks.first)
        #expect(looks.count == 1 && look.contains("is a linear address of the upper half"))
        let told = look.hasSuffix("if physical 0 is mapped at 0x\(String(base, radix: 16))")
        #expect(told == isKnown, "\(look)")
      }
    }
  }

  @Test("Physical addresses, pages with XD and keys, and words of nothing but ones are none")
  func physicalAddress() throws {
    for word in [
      0x8000_0000_0000_0003, 0xf800_0000_0000_0003, 0xfff0_0000_0000_2003, 0x7fff_ffff_8000_2003,
      0xffff_7fff_8000_2003, 0xffff_ffff_8000_2002, .max,
    ] as [UInt64] {
      for width in [40, 52] as [UInt8] {
        let looks = try looks(width: width) { path in
          path.map()
          path[.pageDirectory] = word
        }
        #expect(!looks.contains { $0.contains("linear address of the upper half") }, "\(looks)")
      }
    }
  }

  @Test("A table without any present entry is named, at the level where the walk ends")
  func emptyTable() throws {
    #expect(
      try looks { _ in } == [
        "no entry of the PML4 at 0x1000 is present: it was never filled, or is not the table that was "
          + "meant"
      ])
    let empty = try looks { path in
      path.map()
      path[.pageDirectory] = 0
    }
    #expect(empty.count == 1 && empty[0].hasPrefix("no entry of the PD at 0x3000 is present"))
    // One that is not present is no entry.
    let swapped = try looks { $0[.pageMapLevel4] = 0x2002 }
    #expect(swapped.count == 1 && swapped[0].hasPrefix("no entry of the PML4 at 0x1000"))
  }

  @Test("Nothing is said of how a table is filled whose words cannot all be read")
  func tableInPart() throws {
    var path = TablePath(try PagingConfiguration(), linearAddress: 0x1000)
    // A root of one page, the last word of which is not there.
    path.memory.words = Array(path.memory.words.prefix(1023))
    let question = AccessQuestion(
      0x1000, Access(.read), mode: CPUMode(privilege: .supervisor),
      tables: PageTables(cr3: TablePath.cr3, configuration: path.configuration))
    #expect(question.diagnosis(in: path.memory).looks.isEmpty)
    path.memory.words.append(0)
    #expect(question.diagnosis(in: path.memory).looks.map(\.id) == ["empty-table"])
  }

  @Test("One entry, at another index, is named where nothing else is mapped in this half")
  func onlyEntry() throws {
    let looks = try looks(0xffff_8000_0000_1000) { path in
      path.memory[0x1000] = 0x2003
      path.memory[0x2000] = 0x83
    }
    #expect(
      looks == [
        "the only present entry of the PML4 at 0x1000 is at index 0, where this address needs index "
          + "256"
      ])
    let two = try self.looks(0xffff_8000_0000_1000) { path in
      path.memory[0x1000] = 0x2003
      path.memory[0x1008] = 0x2003
      path.memory[0x2000] = 0x83
    }
    #expect(two == [])
    // What is mapped beside the address says more.
    let beside = try self.looks(0x1000_0000_0000) { path in
      path.memory[0x1000] = 0x2003
      path.memory[0x2000] = 0x83
    }
    #expect(beside.count == 1 && beside[0].hasPrefix("nothing is mapped here"))
  }
}
