// Whether PK is reported of accesses that U/S stops as well: calibration finds what a machine does.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("Calibration finds where a machine leaves PK out of an error code")
struct KeyReportTests {
  private static let protectionKey = UInt64(PageFaultErrorCode.protectionKey.rawValue)

  /// The level of the first entry whose U/S is clear, for an access of CPL 3 to a denied key.
  private static func level(_ access: PaperAccess, rootLevel: Level) -> Level? {
    guard access.privilege == .user, case .pageFault(let code) = access.outcome,
      code.contains(.protectionKey),
      let index = access.words.firstIndex(where: { $0 & PageTableEntry.Bit.userSupervisor == 0 })
    else { return nil }
    return Level(rawValue: rootLevel.rawValue - UInt8(index))
  }

  /// Machines that do `lie` in place of such an access, where U/S is clear first at one of `levels`.
  private static func factory(
    _ levels: Set<Level>, rootLevel: Level,
    _ lie: @escaping @Sendable (PaperAccess, PageFaultErrorCode) -> PaperLie
  ) -> PaperFactory {
    var factory = PaperFactory()
    factory.habits.lie = { access in
      guard let level = level(access, rootLevel: rootLevel), levels.contains(level),
        case .pageFault(let code) = access.outcome
      else { return nil }
      return lie(access, code)
    }
    return factory
  }

  private static func profile(
    _ factory: PaperFactory, _ rootLevel: Level
  ) throws -> MachineProfile {
    var trials: Set<MachineFeature> = [.supervisorProtectionKeys]
    if rootLevel == .pageMapLevel5 { trials.insert(.fiveLevelPaging) }
    return try Calibrator(factory: factory).profile(trying: trials)
  }

  @Test(
    "every set of levels at which PK is left out gives one rule for each of them",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func levels(_ rootLevel: Level) throws {
    let all = Level.allCases.filter { $0 <= rootLevel }
    for choice in 0..<1 << all.count {
      let levels = Set(all.indices.filter { choice >> $0 & 1 != 0 }.map { all[$0] })
      let factory = Self.factory(levels, rootLevel: rootLevel) { _, code in
        .fault(vector: 14, code: UInt64(code.rawValue) & ~Self.protectionKey)
      }
      let profile = try Self.profile(factory, rootLevel)
      #expect(profile.features.contains(.supervisorProtectionKeys))
      #expect(
        Set(profile.deviations) == Set(levels.map { Deviation.keyNotReported(level: $0) }),
        "\(levels)")
    }
  }

  @Test("any other answer there is one that no rule explains")
  func otherAnswers() throws {
    let answers: [@Sendable (PageFaultErrorCode) -> PaperLie] = [
      { .fault(vector: 14, code: UInt64($0.rawValue) | 8) },
      { .fault(vector: 14, code: UInt64($0.rawValue) & ~Self.protectionKey & ~4) },
      { .fault(vector: 14, code: UInt64($0.rawValue) & ~Self.protectionKey & ~1) },
      { _ in .fault(vector: 13, code: 0) },
      { _ in .nothing },
      { _ in .dies(.shutdown, record: nil) },
    ]
    for level in Level.allCases where level <= .pageMapLevel4 {
      for answer in answers {
        let factory = Self.factory([level], rootLevel: .pageMapLevel4) { _, code in answer(code) }
        #expect(throws: MachineError.self, "\(level)") {
          _ = try Self.profile(factory, .pageMapLevel4)
        }
      }
    }
  }

  @Test("a machine with the rules proves what they are not about, and says what they are about")
  func proof() throws {
    var space = AddressSpace(memoryByteCount: 4 << 20, mappings: [])
    space.processor.isPKSEnabled = true
    space.processor.pkrs = 0x24
    for (index, key) in [0, 1, 2].enumerated() as EnumeratedSequence<[UInt8]> {
      space.mappings.append(
        Mapping(
          name: "key \(key)",
          linearAddress: LinearAddress(
            truncating: 0x40_0000 + UInt64(index) << 20, width: .bits48),
          byteCount: 4096, properties: PageProperties(rights: [.read, .write], protectionKey: key)))
    }
    let honest = try Verifier(factory: PaperFactory()).verify(space)
    #expect(honest.unproved.isEmpty && !honest.hasDisagreement)
    let lying = Self.factory(Set(Level.allCases), rootLevel: .pageMapLevel4) { _, code in
      .fault(vector: 14, code: UInt64(code.rawValue) & ~Self.protectionKey)
    }
    let report = try Verifier(factory: lying).verify(space)
    // Key 1 denies reads and writes, key 2 writes; each is asked of CPL 3 once.
    #expect(!report.hasDisagreement)
    #expect(report.unproved.map(\.id) == ["explained"])
    #expect(report.unproved.reduce(0) { $0 + $1.count } == 3)
  }
}
