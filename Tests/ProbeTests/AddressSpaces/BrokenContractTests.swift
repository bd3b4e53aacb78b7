// Tables that were written wrong: the build is refused, whatever the mistake is.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("Tables that break a contract are not handed out")
struct BrokenContractTests {
  static let space = AddressSpace(
    memoryByteCount: 8 << 20,
    mappings: [
      Mapping(
        name: "user", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
        byteCount: 0x3000, properties: PageProperties(rights: [.read, .write], isUser: true)),
      Mapping(
        name: "large", linearAddress: LinearAddress(truncating: 0x8000_0000, width: .bits48),
        byteCount: 2 << 20, properties: PageProperties(rights: .read)),
    ])

  /// A mistake, by the word of the entry at a level on the way to an address.
  struct Mistake: Sendable {
    let rule: ContractRule
    let address: UInt64
    let level: Level
    let change: @Sendable (UInt64) -> UInt64

    init(
      _ rule: ContractRule, _ address: UInt64 = 0x40_0000, _ level: Level = .pageTable,
      _ change: @escaping @Sendable (UInt64) -> UInt64
    ) {
      self.rule = rule
      self.address = address
      self.level = level
      self.change = change
    }
  }

  static let mistakes = [
    Mistake(.nothingElse) { $0 & ~3 }, Mistake(.geometry) { $0 | 1 << 51 },
    Mistake(.presentCount) { _ in 0 },
    Mistake(.presentCount, 0x40_4000) { _ in 0x10_0000 | 3 | 1 << 63 },
    Mistake(.linkRights, 0x40_0000, .pageDirectory) { $0 & ~4 },
    Mistake(.codec, 0x40_0000, .pageDirectory) { $0 & ~2 },
    Mistake(.codec, 0x40_0000, .pageMapLevel4) { $0 | 1 << 63 },
    Mistake(.codec, 0x8000_0000, .pageDirectory) { $0 | 1 << 13 },
    Mistake(.levelChain, 0x40_0000, .pageDirectoryPointerTable) { $0 ^ 0x7_0000 },
    Mistake(.nothingElse, 0x40_0000, .pageMapLevel4) { $0 | 0x80 },
  ]

  @Test("Each mistake by its rule", arguments: mistakes.indices)
  func each(_ index: Int) throws {
    let mistake = Self.mistakes[index]
    let configuration = try PagingConfiguration(physicalAddressWidth: 48)
    // Without a mistake they are.
    _ = try BuiltAddressSpace(Self.space, configuration: configuration) { nil }
    var changed = 0
    do throws(AddressSpaceBuildError) {
      _ = try BuiltAddressSpace(
        Self.space, configuration: configuration,
        reasonToStop: { nil },
        beforeCheck: { root, memory in
          var table = root
          for level in Level.allCases.sorted().reversed() where level <= .pageMapLevel4 {
            let shift = UInt64(12 + 9 * (Int(level.rawValue) - 1))
            let place = GuestPhysicalAddress(
              truncating: table | (mistake.address >> shift & 511) << 3)
            let word = memory.loadWord(at: place) ?? 0
            if level == mistake.level {
              memory.storeWord(mistake.change(word), at: place)
              changed += mistake.change(word) == word ? 0 : 1
              return
            }
            table = word & 0x000f_ffff_ffff_f000
          }
        })
      Issue.record("tables that break \(mistake.rule) were handed out")
    } catch {
      guard case .brokenContract(let violation) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(violation.rule == mistake.rule, "\(violation)")
      #expect(error.id == "broken-contract" && error.message.contains(violation.rule.number))
    }
    #expect(changed == 1)
  }

  @Test("A table that nothing leads to is a leak, for kvmpt as well")
  func leak() throws {
    var cleared = 0
    let configuration = try PagingConfiguration()
    do throws(AddressSpaceBuildError) {
      _ = try BuiltAddressSpace(
        Self.space, configuration: configuration,
        reasonToStop: { nil },
        beforeCheck: { root, memory in
          // The root's entry goes, and what it led to stays.
          memory.storeWord(0, at: GuestPhysicalAddress(truncating: root))
          cleared += 1
        })
      Issue.record("a leak was handed out")
    } catch {
      guard case .brokenContract(let violation) = error else {
        Issue.record("\(error)")
        return
      }
      #expect([.presentCount, .leak].contains(violation.rule))
    }
    #expect(cleared == 1)
  }
}
