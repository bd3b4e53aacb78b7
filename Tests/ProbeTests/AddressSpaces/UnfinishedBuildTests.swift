// Building that somebody stops.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("Building tables asks the clock")
struct UnfinishedBuildTests {
  private static func space(mappingCount: Int) throws -> AddressSpace {
    AddressSpace(
      memoryByteCount: 64 << 20,
      mappings: try (0..<mappingCount).map { index in
        Mapping(
          name: "m\(index)",
          linearAddress: try LinearAddress(0x1000_0000 + UInt64(index) << 24, width: .bits48),
          byteCount: 0x1000, properties: PageProperties(rights: [.read]))
      })
  }

  @Test("A reason to stop ends the work at the next look", arguments: [1, 3])
  func stops(_ lookCount: Int) throws {
    var count = 0
    let space = try Self.space(mappingCount: 1000)
    let configuration = try PagingConfiguration(rootLevel: .pageMapLevel4)
    do throws(AddressSpaceBuildError) {
      _ = try BuiltAddressSpace(space, configuration: configuration) {
        count += 1
        return count < lookCount ? nil : .interrupted
      }
      Issue.record("built")
    } catch {
      #expect(error == .unfinished(.interrupted))
      #expect(error.id == "interrupted")
      #expect(error.message == "the run was interrupted before the tables were built")
    }
    #expect(count == lookCount)
  }

  @Test("It looks often")
  func looksOften() throws {
    var count = 0
    _ = try BuiltAddressSpace(
      Self.space(mappingCount: 1000),
      configuration: PagingConfiguration(rootLevel: .pageMapLevel4)
    ) {
      count += 1
      return nil
    }
    #expect(count >= 10)
  }
}
