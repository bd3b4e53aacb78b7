// ConformanceTally: what came of the cases of a block.

public import MMU

/// A case in which machine and model differ.
public struct ConformanceMismatch: Hashable, Sendable {
  /// The matrix or the sequence, such as `PDE and PTE`.
  public var matrix: String
  /// The position of the block in the profile's order.
  public var block: Int
  /// The processor's mode and the access, in words.
  public var mode: String
  /// The entries on the way that the case is about, the upper first.
  public var entries: [PageTableEntry]
  /// The linear address of the access.
  public var address: UInt64
  /// What the model says, in words.
  public var modelled: String
  /// What the machine did, in words.
  public var executed: String
  /// What is wrong with A and D, or nil when the outcome itself differs.
  public var flags: String?

  /// Takes the parts as they are.
  public init(
    matrix: String, block: Int, mode: String, entries: [PageTableEntry], address: UInt64,
    modelled: String, executed: String, flags: String? = nil
  ) {
    self.matrix = matrix
    self.block = block
    self.mode = mode
    self.entries = entries
    self.address = address
    self.modelled = modelled
    self.executed = executed
    self.flags = flags
  }
}

extension ConformanceMismatch {
  /// The case in one line.
  var words: String {
    let place = "\(mode), \(matrix), at \(HexadecimalNumber(address))"
    return "\(place): the model says \(modelled), the machine \(executed)"
      + (flags.map { "; \($0)" } ?? "")
  }
}

/// The cases of one or more blocks, counted.
public struct ConformanceTally: Hashable, Sendable {
  /// Cases that were run.
  public var caseCount = 0
  /// Cases in which machine and model agree in everything.
  public var agreedCount = 0
  /// Cases that were not run, by reason.
  public var notRun: [NotRunReason: Int] = [:]
  /// The time in guests, summed over all virtual machines.
  public var guestTime: Duration = .zero

  /// Cases in which machine and model differ.
  public var differingCount: Int { caseCount.clampedSum(0 &- agreedCount) }

  /// Nothing yet.
  public init() {}

  /// Adds the cases of other blocks.
  ///
  /// Cases that are too many to be counted count as differing.
  public mutating func merge(_ other: ConformanceTally) {
    let (cases, isTooLarge) = caseCount.addingReportingOverflow(other.caseCount)
    caseCount = isTooLarge ? .max : cases
    if !isTooLarge { agreedCount = agreedCount.clampedSum(other.agreedCount) }
    notRun.merge(other.notRun) { $0.clampedSum($1) }
    guestTime = guestTime.clampedSum(other.guestTime)
  }
}
