// What is asked for with protection keys, against the model, for user and for supervisor pages.

import GuestMem
import MMU
import TestSupport
import Testing

@testable import Probe

@Suite("Keys are asked for as the manual says: PKRU for user pages, IA32_PKRS for supervisor pages")
struct AskedKeyTests {
  /// A page with each key, with and without the right to write, for the user and for the supervisor.
  private static func space(_ processor: ProcessorSettings) -> AddressSpace {
    var mappings: [Mapping] = []
    for key in 0..<16 as Range<UInt8> {
      for rights in [[.read], [.read, .write, .execute]] as [PageRights] {
        for isUser in [false, true] {
          mappings.append(
            Mapping(
              name: "key \(key), \(rights), \(isUser ? "user" : "supervisor")",
              linearAddress: LinearAddress(
                truncating: 0x40_0000 + UInt64(mappings.count) << 13, width: .bits48),
              byteCount: 4096,
              properties: PageProperties(rights: rights, isUser: isUser, protectionKey: key)))
        }
      }
    }
    return AddressSpace(memoryByteCount: 4 << 20, processor: processor, mappings: mappings)
  }

  @Test("Asked and modelled agree for every key, and for 200 values of both registers")
  func agreement() throws {
    let seed: UInt64 = 20_261_130
    var generator = SeededGenerator(seed: seed)
    var deniedCount = 0
    for round in 0..<200 {
      var settings = ProcessorSettings()
      settings.isPKEEnabled = round & 1 != 0
      settings.isPKSEnabled = round & 2 != 0
      settings.isWriteProtectEnabled = round & 4 != 0
      settings.isSMAPEnabled = round & 8 != 0
      settings.pkru = UInt32(truncatingIfNeeded: generator.next())
      settings.pkrs = UInt32(truncatingIfNeeded: generator.next())
      let report = try Verifier.modelOnly.verify(Self.space(settings))
      let first = report.disagreements.first
      #expect(first == nil, "seed \(seed), round \(round): \(settings)")
      if first != nil { return }
      // A supervisor page that IA32_PKRS denies is not asked for.
      let oracle = AskedOracle(Self.space(settings), placements: [])
      for (index, mapping) in Self.space(settings).mappings.enumerated()
      where !mapping.properties.isUser {
        let page = ProbePage(
          containing: mapping.linearAddress.rawValue, subject: .mapping(index))
        let answer = oracle.answer(for: page, ProbeManner(.read, at: .supervisor))
        let key = UInt32(mapping.properties.protectionKey)
        let isDenied = settings.isPKSEnabled && settings.pkrs >> (2 * key) & 1 != 0
        #expect((answer == .forbidden) == isDenied)
        deniedCount += isDenied ? 1 : 0
      }
    }
    #expect(deniedCount > 1000)
  }
}
