// UnprovedReason: why something that was asked is not proved.

public import KVM

/// Why something that was asked is not proved: the machine did not answer, or its answer proves
/// nothing.
///
/// Each reason makes a run end with code 77 where nothing disagrees, but for the time limit (124) and
/// an interruption (130).
public enum UnprovedReason: Hashable, Sendable, CaseIterable {
  /// Probes were not made.
  case notRun(NotRunReason)
  /// What the machine did is excused by a rule by which it differs from the manual.
  case explained
  /// Probes killed the guest.
  case guestLost
  /// A mapping or an expectation of which no probe was planned.
  case notPlanned
  /// Nothing was asked that a machine could execute.
  case nothingExecuted
  /// Entries of an image point at tables that the image does not hold.
  case tableOutsideMemory
  /// The root of an image leads to no page.
  case nothingMapped

  /// All that a verification can give, in the order in which reports name them.
  public static let allCases: [UnprovedReason] =
    NotRunReason.allCases.filter { !$0.isAboutSequences }.map { .notRun($0) }
    + [
      .explained, .guestLost, .notPlanned, .nothingExecuted, .tableOutsideMemory, .nothingMapped,
    ]

  /// The stable name, the same in every output format and for `--allow-unproved`.
  public var id: String {
    switch self {
    case .notRun(let reason): reason.rawValue
    case .explained: "explained"
    case .guestLost: "guest-lost"
    case .notPlanned: "not-planned"
    case .nothingExecuted: "nothing-executed"
    case .tableOutsideMemory: "table-outside-memory"
    case .nothingMapped: "nothing-mapped"
    }
  }

  /// The reason with this stable name, or nil.
  public init?(id: String) {
    guard let found = Self.allCases.first(where: { $0.id == id }) else { return nil }
    self = found
  }

  /// False for what ended the run: a longer run would have gone on.
  public var canBeAllowed: Bool {
    if case .notRun(let reason) = self { return !reason.meansUnfinished }
    return true
  }

  /// The reason in words.
  public var message: String {
    switch self {
    case .notRun(let reason): reason.message
    case .explained: "a rule by which this machine differs from the manual explains the answer"
    case .guestLost: "the probe killed the guest"
    case .notPlanned: "no probe of it was planned"
    case .nothingExecuted: "nothing was asked that a machine could execute"
    case .tableOutsideMemory: "the image does not hold the tables that they point at"
    case .nothingMapped: "the root leads to no page"
    }
  }

  /// What would prove it where `walker` walked the tables, or where no machine did.
  public func remedy(on walker: TableWalker?) -> String {
    switch self {
    case .notRun(let reason): reason.remedy(on: walker)
    case .explained: NotRunReason.otherMachine(on: walker)
    case .guestLost:
      "\(NotRunReason.otherMachine(on: walker)), whose guest may survive it"
    case .notPlanned: "a plan with pages of every mapping and expectation"
    case .nothingExecuted: "a mapping, a range that must not be mapped, or an expectation"
    case .tableOutsideMemory: "an image of all memory that holds tables"
    case .nothingMapped: "the root that is in use: check --cr3"
    }
  }
}

extension NotRunReason {
  /// True for what only the sequences of `kvmpt conform` need.
  var isAboutSequences: Bool { self == .noPCID || self == .noDescriptorReads }

  /// The option that has another machine execute it.
  static func otherMachine(on walker: TableWalker?) -> String {
    walker == .tcg
      ? "--machine kvm, on a host whose processor does it"
      : "--machine auto, which goes on with QEMU in the same run, or --machine qemu"
  }

  /// What would make the probe possible where `walker` walks the tables.
  func remedy(on walker: TableWalker?) -> String {
    switch self {
    case .no1GiBPages, .no5LevelPaging, .noProtectionKeys, .noSupervisorProtectionKeys, .noPCID,
      .noDescriptorReads, .noSMEP, .noSMAP, .noNoExecute, .unobservableAddress:
      Self.otherMachine(on: walker)
    case .noSuchPhysicalAddress: "--machine qemu --phys-bits 52"
    case .beyondPlan: "proving the tables in parts, each with a root of its own"
    case .fetchWithoutMemory:
      "memory at the physical address, or XD (bit 63) set in the entry"
    case .fetchFromFullTable:
      "an entry that is not present in that table, or XD (bit 63) set in the entry that maps it"
    case .reachesAgent: "tables that leave more root entries and physical addresses unused"
    case .noFreeRootEntry: "a root with an entry that is not present"
    case .noUnrestrictedKey: "a key that PKRU does not restrict, and key 0 in IA32_PKRS"
    case .noRoomForAgent: "physical addresses that no entry leads to"
    case .timeLimit: "a longer --timeout"
    case .interrupted: "a run that comes to its end"
    case .noMachine: "a usable /dev/kvm, or --machine qemu"
    }
  }
}
