// MachineLie: the catalogue of what a machine can say about one probe that is not so.

import MMU

@testable import Probe

/// One lie about one probe.
enum MachineLie: Hashable, Sendable {
  /// A CR2 that is not the address of the access.
  enum WrongCR2: String, CaseIterable, Sendable {
    case neighbour = "of-the-neighbour-page"
    case zero = "of-zero"
    case otherOffset = "of-another-byte-of-the-page"
  }

  /// Who does not see what the host writes to the tables, and for how long.
  enum Blindness: String, CaseIterable, Sendable {
    case always = "unseen"
    case once = "seen-late"
    case supervisor = "seen-at-cpl-3-only"
    case user = "seen-at-cpl-0-only"
  }

  case successForFault, faultForSuccess, otherVector
  /// A bit of the error code, flipped.
  case errorCodeBit(Int)
  case cr2(WrongCR2)
  /// What was read is no page's mark.
  case valueOfNoPage
  /// What was read, or what the stub found, is another page's mark.
  case valueOfOtherPage, stubOfOtherPage
  /// The record is as it was asked; that of the page at physical address 0, whose mark is 0.
  case unanswered, unansweredAtZero
  /// The record holds the answer of another one.
  case answerOfOtherProbe
  /// A write that arrives nowhere; beside its word; in another page.
  case writeLost, writeBeside, writeElsewhere
  /// A write that arrives, and in another page as well, or in another word of its page.
  case writeTwice, writeTwiceInPage
  /// A write that arrives though the guest is told of a fault.
  case refusedWriteArrives
  /// A write where no memory is, which the machine does not report, or with another address.
  case deviceWriteLost, deviceWriteElsewhere
  case accessedMissing(Level), dirtyMissing(Level)
  /// A set in an entry that no access uses, D in one that an access only reads.
  case accessedUnasked(Level), dirtyUnasked(Level)
  /// A set in the leaf that refuses the access.
  case accessedInRefusingLeaf
  /// A bit that was set before is clear afterwards.
  case accessedLost, dirtyLost
  /// Another bit of the leaf, or of an entry that is not used, is changed.
  case leafChanged, otherEntryChanged
  case guestLost, guestHangs, late, agentOverwritten
  case hostEdit(Blindness)
  /// The guest dies where the feature is on.
  case deadlyFeature(MachineFeature)
  /// Protection keys that hold until the first use of a page.
  case keysUntilFirstUse
  /// The same, told by a worker that is not the first.
  indirect case inLastWorker(MachineLie)
}

extension MachineLie: CaseIterable {
  static let allCases: [MachineLie] =
    [.successForFault, .faultForSuccess, .otherVector]
    + [0, 1, 2, 3, 4, 5, 6, 15, 31, 32].map { .errorCodeBit($0) }
    + WrongCR2.allCases.map { .cr2($0) }
    + [.valueOfNoPage, .valueOfOtherPage, .stubOfOtherPage, .answerOfOtherProbe]
    + [.unanswered, .unansweredAtZero]
    + [.writeLost, .writeBeside, .writeElsewhere, .writeTwice, .writeTwiceInPage]
    + [.refusedWriteArrives]
    + [.deviceWriteLost, .deviceWriteElsewhere]
    + Level.allCases.map { .accessedMissing($0) }
    + [Level.pageTable, .pageDirectory, .pageDirectoryPointerTable].map { .dirtyMissing($0) }
    + Level.allCases.map { .accessedUnasked($0) } + Level.allCases.map { .dirtyUnasked($0) }
    + [.accessedInRefusingLeaf, .accessedLost, .dirtyLost, .leafChanged, .otherEntryChanged]
    + [.guestLost, .guestHangs, .late, .agentOverwritten]
    + Blindness.allCases.map { .hostEdit($0) }
    + [MachineFeature.smep, .smap, .protectionKeys, .fiveLevelPaging].map { .deadlyFeature($0) }
    + [.keysUntilFirstUse]
    + [.faultForSuccess, .accessedMissing(.pageTable), .guestLost, .late].map { .inLastWorker($0) }

  /// The stable name.
  var id: String {
    switch self {
    case .successForFault: "success-for-fault"
    case .faultForSuccess: "fault-for-success"
    case .otherVector: "other-vector"
    case .errorCodeBit(let bit): "error-code-bit-\(bit)"
    case .cr2(let wrong): "cr2-\(wrong.rawValue)"
    case .valueOfNoPage: "value-of-no-page"
    case .valueOfOtherPage: "value-of-other-page"
    case .stubOfOtherPage: "stub-of-other-page"
    case .unanswered: "unanswered"
    case .unansweredAtZero: "unanswered-at-zero"
    case .answerOfOtherProbe: "answer-of-other-probe"
    case .writeLost: "write-lost"
    case .writeBeside: "write-beside"
    case .writeElsewhere: "write-elsewhere"
    case .writeTwice: "write-twice"
    case .writeTwiceInPage: "write-twice-in-page"
    case .refusedWriteArrives: "refused-write-arrives"
    case .deviceWriteLost: "device-write-lost"
    case .deviceWriteElsewhere: "device-write-elsewhere"
    case .accessedMissing(let level): "accessed-missing-\(level.rawValue)"
    case .dirtyMissing(let level): "dirty-missing-\(level.rawValue)"
    case .accessedUnasked(let level): "accessed-unasked-\(level.rawValue)"
    case .dirtyUnasked(let level): "dirty-unasked-\(level.rawValue)"
    case .accessedInRefusingLeaf: "accessed-in-refusing-leaf"
    case .accessedLost: "accessed-lost"
    case .dirtyLost: "dirty-lost"
    case .leafChanged: "leaf-changed"
    case .otherEntryChanged: "other-entry-changed"
    case .guestLost: "guest-lost"
    case .guestHangs: "guest-hangs"
    case .late: "late"
    case .agentOverwritten: "agent-overwritten"
    case .hostEdit(let blindness): "host-edit-\(blindness.rawValue)"
    case .deadlyFeature(let feature): "deadly-\(feature.rawValue)"
    case .keysUntilFirstUse: "keys-until-first-use"
    case .inLastWorker(let lie): "\(lie.id)-in-last-worker"
    }
  }

  /// The level that the lie is about, or nil.
  var level: Level? {
    switch self {
    case .accessedMissing(let level), .dirtyMissing(let level), .accessedUnasked(let level),
      .dirtyUnasked(let level):
      level
    default: nil
    }
  }
}
