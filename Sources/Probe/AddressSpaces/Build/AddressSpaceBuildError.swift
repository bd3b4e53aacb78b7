// AddressSpaceBuildError: why tables could not be written.

public import GuestMem

/// Why an address space could not be built.
public enum AddressSpaceBuildError: Error, Hashable, Sendable {
  /// The address space contradicts itself.
  case invalid([AddressSpaceProblem])
  /// The guest's memory could not be had.
  case memory(GuestMemoryError)
  /// There is no room for a mapping's pages.
  case frames(mapping: Int, FrameAllocationError)
  /// There is no room for the tables, or a mapping cannot be written.
  case tables(mapping: Int?, PageTableError)
  /// The tables that were written violate a contract of the page-table core: a defect of it.
  case brokenContract(ContractViolation)
  /// The run ended, by its time limit or because somebody asked for it, before the tables were built.
  case unfinished(NotRunReason)

  /// The stable name of the reason, the same in every output format.
  public var id: String {
    switch self {
    case .invalid(let problems): problems.first?.id ?? "invalid"
    case .memory(let error): error.id
    case .frames(_, let error): error.id
    case .tables(_, let error): error.id
    case .brokenContract: "broken-contract"
    case .unfinished(let reason): reason.rawValue
    }
  }

  /// What happened.
  public var message: String {
    switch self {
    case .invalid(let problems): problems.first?.message ?? "the address space is invalid"
    case .memory(let error): error.message
    case .frames(_, let error): error.message
    case .tables(_, let error): error.message
    case .brokenContract(let violation): "the tables violate a contract: \(violation)"
    case .unfinished(let reason): "\(reason.message) before the tables were built"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .invalid(let problems): problems.first?.hint ?? "AddressSpace.check() lists every problem"
    case .memory(let error): error.hint
    case .frames(_, let error): error.hint
    case .tables(_, let error): error.hint
    case .brokenContract: "this is a defect of kvmpt; please report it with the address space"
    case .unfinished: "give it more time, or ask for less"
    }
  }

  /// The index of the mapping that could not be built, or nil when it is not about one.
  public var mapping: Int? {
    switch self {
    case .invalid(let problems):
      if case .mapping(let mapping, _) = problems.first?.subject { mapping } else { nil }
    case .memory, .brokenContract, .unfinished: nil
    case .frames(let mapping, _): mapping
    case .tables(let mapping, _): mapping
    }
  }
}
