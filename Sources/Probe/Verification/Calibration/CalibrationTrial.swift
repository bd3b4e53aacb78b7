// CalibrationTrial: a feature, tried by turning it on, in every way in which it could fail to work.

import GuestMem
import MMU

/// One way of trying a feature: a mode, and the one that the same pages were used in just before.
struct TrialRound {
  /// The mode in which every access is compared with the manual.
  let settings: ProcessorSettings
  /// The mode in which the pages are used first, whatever comes of it, with no change of tables
  /// between; nil for pages that are used for the first time.
  ///
  /// A machine that keeps translations without the rights, such as KVM's shadow tables without
  /// protection keys, judges the first use of a page right and those that follow wrong.
  let before: ProcessorSettings?

  init(_ settings: ProcessorSettings, after before: ProcessorSettings? = nil) {
    self.settings = settings
    self.before = before
  }

  /// True when the round can fail for want of `feature` only, on a machine that has `others`.
  ///
  /// A mode without write protection shows nothing about keys where CR0.WP cannot be off.
  func asksOnlyFor(_ feature: MachineFeature, beside others: Set<MachineFeature>) -> Bool {
    settings.isWriteProtectEnabled || feature == .writeProtect || others.contains(.writeProtect)
  }

  /// The mode in words.
  var words: String { settings.words + (before.map { " (after \($0.words))" } ?? "") }
}

/// Experiments whose outcome shows whether a machine has a feature.
struct CalibrationTrial {
  /// The tables of all rounds.
  let scratch: ScratchSpace
  /// The ways, those first that cannot cost a guest.
  let rounds: [TrialRound]

  /// Nil for features that the basics show.
  init?(_ feature: MachineFeature) {
    switch feature {
    case .oneGiBPages: return nil
    case .fiveLevelPaging:
      rounds = [TrialRound(ProcessorSettings())]
      scratch = Self.scratch(
        [1 << 48, 0x40_0000, 0xffa0_0000_0000_0000].map { Page(at: $0, isUser: true) }
          + [Page(at: 0xff7f << 48 | 1 << 47, isUser: false)],
        rootLevel: .pageMapLevel5, rounds)
    case .noExecute:
      // The basics have it on; whether it matters shows when it is off, and bit 63 is reserved.
      rounds = [TrialRound(Self.settings { $0.isNoExecuteEnabled = false })]
      scratch = Self.scratch(
        Self.bothKinds, rounds,
        reservedBits: [(Self.base, PageTableEntry.Bit.noExecute)])
    case .writeProtect:
      let off = Self.settings { $0.isWriteProtectEnabled = false }
      let on = ProcessorSettings()
      rounds = [TrialRound(off), TrialRound(on, after: off), TrialRound(off, after: on)]
      scratch = Self.scratch(
        Self.bothKinds.map { $0.with([.read, .execute]) } + [Page(at: Self.base + 0x8000)],
        rounds)
    case .smep:
      let off = ProcessorSettings()
      let on = Self.settings { $0.isSMEPEnabled = true }
      rounds = [TrialRound(on), TrialRound(on, after: off), TrialRound(off, after: on)]
      scratch = Self.scratch(Self.bothKinds, rounds)
    case .smap:
      let off = ProcessorSettings()
      let on = Self.settings { $0.isSMAPEnabled = true }
      let allowed = Self.settings {
        $0.isSMAPEnabled = true
        $0.isAlignmentCheckFlagSet = true
      }
      rounds = [
        TrialRound(on), TrialRound(allowed), TrialRound(on, after: off),
        TrialRound(on, after: allowed), TrialRound(off, after: on),
      ]
      scratch = Self.scratch(Self.bothKinds, rounds)
    case .protectionKeys:
      rounds = Self.userKeyRounds
      scratch = Self.scratch(
        Self.pagesWithKeys(isUser: true) + [Page(at: Self.base + 0x10000, key: 1)],
        rounds)
    case .supervisorProtectionKeys:
      rounds = Self.supervisorKeyRounds
      // Keys of supervisor pages are tried at CPL 0: whether PK is reported of an access from CPL 3,
      // which U/S stops anyway, is not a question of the feature: see `tryKeyReports`. User pages,
      // for which PKRS says nothing, are tried at both.
      scratch = Self.scratch(
        Self.pagesWithKeys(isUser: false).map { $0.with(.supervisor) }
          + [
            Page(at: Self.base + 0x10000, isUser: true, key: 1),
            Page(at: Self.base + 0x12000, isUser: true, key: 7),
          ], rounds)
    }
  }

  /// Supervisor pages at `addresses` whose key denies reads and writes, or writes, beside a user page.
  init(deniedSupervisorPages addresses: [UInt64], rootLevel: Level) {
    rounds = [1 as UInt32, 2].map { bits in
      TrialRound(
        Self.settings {
          $0.isPKSEnabled = true
          $0.pkrs = Self.rights((1, bits))
        })
    }
    scratch = Self.scratch(
      [Page(at: Self.userPage, isUser: true)] + addresses.map { Page(at: $0, key: 1) },
      rootLevel: rootLevel, rounds)
  }

  /// The page that accesses of CPL 3 can use in ``init(deniedSupervisorPages:rootLevel:)``.
  static let userPage = base

  private static let base: UInt64 = 1 << 39
  private static let triedKeys: [UInt8] = [0, 1, 2, 7, 15]

  /// Two bits for each key: 1 denies access, 2 denies writes.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.2.
  private static func rights(_ denied: (key: UInt32, bits: UInt32)...) -> UInt32 {
    denied.reduce(0) { $0 | $1.bits << (2 * $1.key) }
  }

  /// Rights that differ from key to key and change after the first use of a page.
  private static func rounds(_ with: (_ rights: UInt32) -> ProcessorSettings) -> [TrialRound] {
    let several = with(rights((1, 1), (2, 2), (7, 3)))
    var withoutWriteProtect = several
    withoutWriteProtect.isWriteProtectEnabled = false
    return [
      TrialRound(several), TrialRound(several, after: with(0)),
      TrialRound(with(0), after: several), TrialRound(withoutWriteProtect),
    ]
  }

  /// Key 0 denied for accesses and for writes comes last, because it can cost a guest.
  private static var userKeyRounds: [TrialRound] {
    func with(_ pkru: UInt32) -> ProcessorSettings {
      settings {
        $0.isPKEEnabled = true
        $0.pkru = pkru
      }
    }
    return rounds(with) + [
      TrialRound(with(rights((0, 2), (2, 1)))),
      TrialRound(with(rights((0, 2))), after: with(rights((15, 1)))),
      TrialRound(with(rights((0, 1), (7, 3)))),
      TrialRound(with(rights((0, 1), (15, 2))), after: with(rights((0, 2), (2, 2)))),
    ]
  }

  /// Key 0 allows everything, because the agent's own pages, which are supervisor pages, have it.
  private static var supervisorKeyRounds: [TrialRound] {
    rounds { rights in
      settings {
        $0.isPKSEnabled = true
        $0.pkrs = rights
      }
    }
  }

  private static func settings(_ change: (inout ProcessorSettings) -> Void) -> ProcessorSettings {
    var settings = ProcessorSettings()
    change(&settings)
    return settings
  }

  /// A page of the tables of a trial.
  private struct Page {
    let address: UInt64
    let isUser: Bool
    var rights: PageRights = [.read, .write, .execute]
    var manners = ProbeManners.all
    let key: UInt8

    init(at address: UInt64, isUser: Bool = false, key: UInt8 = 0) {
      self.address = address
      self.isUser = isUser
      self.key = key
    }

    func with(_ rights: PageRights) -> Page {
      var page = self
      page.rights = rights
      return page
    }

    func with(_ manners: ProbeManners) -> Page {
      var page = self
      page.manners = manners
      return page
    }
  }

  private static let bothKinds = [
    Page(at: base, isUser: true), Page(at: base + 0x2000), Page(at: base + 0x4000, isUser: true),
    Page(at: base + 0x6000),
  ]

  private static func pagesWithKeys(isUser: Bool) -> [Page] {
    triedKeys.enumerated().map { index, key in
      Page(at: base + UInt64(index) * 0x2000, isUser: isUser, key: key)
    }
  }

  private static func scratch(
    _ pages: [Page], rootLevel: Level = .pageMapLevel4, _ rounds: [TrialRound],
    reservedBits: [(address: UInt64, bit: UInt64)] = []
  ) -> ScratchSpace {
    let addressWidth: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    let mappings = pages.enumerated().map { index, page in
      Mapping(
        name: "page \(index)",
        linearAddress: LinearAddress(truncating: page.address, width: addressWidth),
        byteCount: 4096,
        properties: PageProperties(
          rights: page.rights, isUser: page.isUser, protectionKey: page.key))
    }
    let space = AddressSpace(
      rootLevel: rootLevel, memoryByteCount: 2 << 20, mappings: mappings, name: "trial")
    return ScratchSpace(
      trying: space, manners: pages.map(\.manners), reservedBits: reservedBits,
      hasFlagsSet: rounds.contains { $0.before != nil })
  }
}
