// What somebody meant an access to do, and the cures that make the tables say exactly that.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("A cure is taken for what was meant only where nothing else differs after it")
struct MeantAccessTests {
  /// A root at 0x1000 and the tables down to a page table at 0x4000.
  private struct Tables: PhysicalMemory {
    var words: [UInt64: UInt64] = [0x1000: 0x2007, 0x2000: 0x3007, 0x3000: 0x4007]
    func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
      (0x1000..<0x5000).contains(address.rawValue) ? words[address.rawValue] ?? 0 : nil
    }
  }

  private static let pageAttributeTable: UInt64 = 0x0007_0406_0007_0406

  private static func expectation(_ properties: [PageProperties]) throws -> ImageExpectation {
    var space = AddressSpace(memoryByteCount: 1 << 20, mappings: [])
    for (index, properties) in properties.enumerated() {
      space.mappings.append(
        Mapping(
          name: "page \(index)",
          linearAddress: LinearAddress(truncating: UInt64(index) << 12, width: .bits48),
          byteCount: 0x1000, properties: properties))
    }
    return ImageExpectation(
      space: space, placements: properties.indices.map { 0x8000 + UInt64($0) << 12 })
  }

  private static func question(_ kind: AccessKind) throws -> AccessQuestion {
    AccessQuestion(
      0, Access(kind), mode: CPUMode(privilege: .user),
      tables: PageTables(cr3: 0x1000, configuration: try PagingConfiguration()))
  }

  /// The words that the cures would leave in the page table's first entry.
  private static func cured(
    _ memory: Tables, _ expected: ImageExpectation, _ kind: AccessKind = .read
  ) throws -> [UInt64] {
    let diagnosis = try question(kind).diagnosis(in: memory)
    let meant = expected.judge(diagnosis, in: memory, pageAttributeTable: pageAttributeTable)
    return meant.cures.flatMap { $0.changes.map(\.newValue) }
  }

  @Test("A cure that leaves the page other than meant is none, for each property that can be wrong")
  func sameAddress() throws {
    let right = PageProperties(rights: [.read, .write], isUser: true)
    // P is missing, and the rest is what was meant, or has one more right.
    var memory = Tables()
    memory.words[0x4000] = 1 << 63 | 0x8006
    let kept = try Self.cured(memory, Self.expectation([right]))
    #expect(!kept.isEmpty && kept.allSatisfy { $0 == 1 << 63 | 0x8007 })
    memory.words[0x4000] = 0x8006
    let executable = try Self.cured(memory, Self.expectation([right]))
    #expect(!executable.isEmpty && executable.allSatisfy { $0 == 1 << 63 | 0x8007 })
    memory.words[0x4000] = 1 << 63 | 0x8006
    let readOnly = try Self.cured(
      memory, Self.expectation([PageProperties(rights: .read, isUser: true)]))
    #expect(!readOnly.isEmpty && readOnly.allSatisfy { $0 == 1 << 63 | 0x8005 })
  }

  @Test("A cure above gives a right to a page that was not to have it, and is none")
  func otherAddress() throws {
    let writable = PageProperties(rights: [.read, .write], isUser: true)
    let readOnly = PageProperties(rights: .read, isUser: true)
    var memory = Tables()
    memory.words[0x3000] = 0x4005
    memory.words[0x4000] = 1 << 63 | 0x8007
    memory.words[0x4008] = 1 << 63 | 0x9007
    let both = try Self.cured(memory, Self.expectation([writable, writable]), .write)
    #expect(both == [0x4007])
    // What the entry above denies now was meant for the other page.
    #expect(try Self.cured(memory, Self.expectation([writable, readOnly]), .write) == [])
  }
}
