// ProbeOutcome: what the machine did with one probe.

/// What a probe did on the machine.
public enum ProbeOutcome: Hashable, Sendable {
  /// The access succeeded.
  case success(Reached)
  /// #PF, with its error code and CR2.
  case pageFault(errorCode: UInt32, cr2: UInt64)
  /// Any other exception, by vector.
  case exception(vector: UInt8, errorCode: UInt32)
  /// The probe was not made.
  case notRun(NotRunReason)
  /// The guest did not survive the probe.
  case lost(GuestDeath)
}

/// What a successful access says about where it went.
public enum Reached: Hashable, Sendable {
  /// The page at this physical address.
  case page(UInt64)
  /// Not a page that the experiment knows; a read found this value.
  case unknown(value: UInt64)
  /// The page that was predicted does not hold what was written.
  case elsewhere
  /// The access leaves no trace by which its page could be told.
  case notObserved
}

/// Why a probe was not made.
public enum NotRunReason: String, CaseIterable, Hashable, Sendable {
  /// The machine has no 1 GiB pages.
  case no1GiBPages = "no-1gib-pages"
  /// The machine has no 5-level paging.
  case no5LevelPaging = "no-5-level-paging"
  /// The machine has no protection keys.
  case noProtectionKeys = "no-protection-keys"
  /// The machine has no protection keys for supervisor pages.
  case noSupervisorProtectionKeys = "no-supervisor-protection-keys"
  /// The machine has no process-context identifiers.
  case noPCID = "no-pcid"
  /// CPL 3 does not use the guest's own descriptor tables on this machine.
  case noDescriptorReads = "no-descriptor-reads"
  /// The machine has no SMEP.
  case noSMEP = "no-smep"
  /// The machine has no SMAP.
  case noSMAP = "no-smap"
  /// The machine has no execute-disable bit.
  case noNoExecute = "no-nx"
  /// The page lies at a physical address that the machine does not have.
  case noSuchPhysicalAddress = "no-such-physical-address"
  /// The plan was full.
  case beyondPlan = "beyond-plan"
  /// A fetch where no memory is ends the guest.
  case fetchWithoutMemory = "fetch-without-memory"
  /// A page that is a table without a free slot has no place for the code that a fetch needs.
  case fetchFromFullTable = "fetch-from-full-table"
  /// There is no memory at the physical address, and the machine cannot tell what is accessed.
  case unobservableAddress = "unobservable-address"
  /// The tables lead to the agent itself.
  case reachesAgent = "reaches-agent"
  /// The tables use every root entry that the agent could use.
  case noFreeRootEntry = "no-free-root-entry"
  /// PKRU restricts every protection key, and the agent needs one at CPL 3; or IA32_PKRS restricts
  /// key 0, which the agent's supervisor pages have.
  case noUnrestrictedKey = "no-unrestricted-key"
  /// Physical memory leaves no room for the agent.
  case noRoomForAgent = "no-room-for-agent"
  /// The time limit of the run was reached before.
  case timeLimit = "time-limit"
  /// Somebody asked the run to stop before.
  case interrupted
  /// There is no KVM, and only the model was asked.
  case noMachine = "no-machine"

  /// True when the run ended before it came to the probe, which a longer run would have made.
  public var meansUnfinished: Bool { self == .timeLimit || self == .interrupted }

  /// The reason in words.
  public var message: String {
    switch self {
    case .no1GiBPages: "this machine has no 1 GiB pages"
    case .no5LevelPaging: "this machine has no 5-level paging"
    case .noProtectionKeys: "this machine has no protection keys"
    case .noSupervisorProtectionKeys: "this machine has no protection keys for supervisor pages"
    case .noPCID: "this machine has no PCID"
    case .noDescriptorReads: "CPL 3 does not use the guest's own descriptor tables here"
    case .noSMEP: "this machine has no SMEP"
    case .noSMAP: "this machine has no SMAP"
    case .noNoExecute: "this machine has no execute-disable bit"
    case .noSuchPhysicalAddress:
      "the page's physical address has more bits than this machine's processor"
    case .beyondPlan: "there are more pages than one run probes"
    case .fetchWithoutMemory: "there is no memory to fetch from"
    case .fetchFromFullTable: "the page is a table without room for code"
    case .unobservableAddress:
      "this machine cannot tell whether an access reached the physical address"
    case .reachesAgent: "the tables lead to the probe agent's own memory"
    case .noFreeRootEntry: "the tables leave no root entry to the agent"
    case .noUnrestrictedKey:
      "PKRU restricts every key, and the agent needs one at CPL 3, or IA32_PKRS restricts key 0"
    case .noRoomForAgent: "the physical addresses leave no room for the agent"
    case .timeLimit: "the time limit of the run was reached"
    case .interrupted: "the run was interrupted"
    case .noMachine: "only the model was asked, for want of KVM"
    }
  }
}
