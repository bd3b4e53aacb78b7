// ProbeManner: the six ways in which a page is used.

public import MMU

/// An access and the privilege it is made with.
public struct ProbeManner: Hashable, Sendable, CaseIterable {
  /// Read, write or fetch.
  public let kind: AccessKind
  /// CPL 0 or CPL 3.
  public let privilege: PrivilegeLevel

  /// Takes the parts as they are.
  public init(_ kind: AccessKind, at privilege: PrivilegeLevel) {
    self.kind = kind
    self.privilege = privilege
  }

  /// Read, fetch and write at CPL 0, then the same at CPL 3.
  ///
  /// Supervisor probes come first: on a host with shadow paging they prepare what a probe at CPL 3
  /// needs.
  public static let allCases: [ProbeManner] = PrivilegeLevel.allCases.flatMap { privilege in
    [AccessKind.read, .fetch, .write].map { ProbeManner($0, at: privilege) }
  }

  /// The position in ``allCases``, 0 to 5.
  public var index: Int {
    let position =
      switch kind {
      case .read: 0
      case .fetch: 1
      case .write: 2
      }
    return privilege == .supervisor ? position : position + 3
  }
}

/// A set of manners.
public struct ProbeManners: OptionSet, Hashable, Sendable {
  /// One bit per index of ``ProbeManner``.
  public let rawValue: UInt8

  /// Takes the bits as they are.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The set of one manner.
  public init(_ manner: ProbeManner) { rawValue = 1 << UInt8(manner.index) }

  /// The three at CPL 0.
  public static let supervisor = ProbeManners(
    ProbeManner.allCases.filter { $0.privilege == .supervisor }.map { ProbeManners($0) })

  /// All six.
  public static let all = ProbeManners(rawValue: 0x3f)
}
