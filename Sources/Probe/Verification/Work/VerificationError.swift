// VerificationError: why there is no report.

/// Why a verification came to no report.
public enum VerificationError: Error, Hashable, Sendable {
  /// The tables could not be built.
  case build(AddressSpaceBuildError)
  /// The machine could not be had, or failed.
  case machine(MachineError)

  /// The stable name of the reason, the same in every output format.
  public var id: String {
    switch self {
    case .build(let error): error.id
    case .machine(let error): error.id
    }
  }

  /// What happened.
  public var message: String {
    switch self {
    case .build(let error): error.message
    case .machine(let error): error.message
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .build(let error): error.hint
    case .machine(let error): error.hint
    }
  }
}
