// What must come of each lie of a builder, for each who looks at its tables.

extension BuilderLie {
  /// What `builder` must say.
  func notice(by builder: LyingBuilder) -> LieNotice {
    switch builder {
    case .fileContracts, .bootContracts, .cloneContracts: return contractNotice(builder)
    case .image where self == .linkToNowhere:
      return .noticed(["table-outside-memory"], exitCode: 77)
    case .image:
      return .unseen(
        "nobody says what the tables should be, and the machine does what the manual says of them")
    case .file, .library, .expected, .boot, .clone: return proofNotice(builder)
    }
  }

  private func proofNotice(_ builder: LyingBuilder) -> LieNotice {
    if builder == .clone {
      switch self {
      case .writeLost: return .untold("no page of a clone may be written")
      case .linkReadOnly:
        return .unseen("no page of a clone may be written, so that the link denies nothing")
      default: break
      }
    }
    // A table that is its own page table shows the firmware's page as a link at another address.
    if self == .linkToItself, builder == .boot {
      return .noticed(
        ["asked-modelled", "asked-executed", "not-mapped", "not-asked", "different"], exitCode: 1)
    }
    let access = ["asked-modelled", "asked-executed"]
    // The proof of an image says that the table is not in it.
    if self == .linkToNowhere, builder != .file && builder != .library {
      return .noticed(access + ["not-mapped", "table-outside-memory"], exitCode: 1)
    }
    switch self {
    case .leafRemoved, .linkToNowhere, .reservedBitSet, .reservedBitInLink:
      return .noticed(access + ["not-mapped"], exitCode: 1)
    case .leafAdded, .linkShared: return .noticed(access + ["not-asked"], exitCode: 1)
    case .frameShifted, .writeLost, .executeGained, .userLost, .linkReadOnly, .linkSupervisor:
      return .noticed(access + ["different"], exitCode: 1)
    case .entryShifted, .linkToItself:
      return .noticed(access + ["not-mapped", "not-asked"], exitCode: 1)
    // No access shows them.
    case .otherSize, .globalLost, .typeChanged, .keyChanged, .softwareBitLost, .softwareBitSet:
      return .noticed(["different"], exitCode: 1)
    case .dirtySet:
      return .unseen("the processor sets D: who wants it clear says so, by dirty: false")
    case .absentBitSet:
      return .unseen("the processor ignores an entry that is not present; contracts do not")
    }
  }

  private func contractNotice(_ builder: LyingBuilder) -> LieNotice {
    // The first is what ends a run before it begins.
    let rules = contractRules(builder)
    if builder == .fileContracts, let first = rules.first {
      return .noticed(["broken-contract", first], exitCode: 70)
    }
    if !rules.isEmpty { return .noticed(rules, exitCode: 0) }
    switch self {
    case .writeLost where builder == .cloneContracts:
      return .untold("no page of a clone may be written")
    case .otherSize, .linkReadOnly, .linkSupervisor, .reservedBitSet:
      return .unseen("it may be what was adopted, which is not judged; the proof does")
    default:
      return .unseen("contracts are about tables, and not about what was asked for; the proof is")
    }
  }

  /// The contracts that are broken, as the checker finds them.
  private func contractRules(_ builder: LyingBuilder) -> [String] {
    let isBoot = builder == .bootContracts
    switch self {
    case .leafRemoved, .leafAdded: return ["present-count"]
    case .absentBitSet: return ["nothing-else"]
    case .linkShared: return ["tree", "node-owners", "present-count"]
    case .linkToItself: return ["tree", "leak", "node-owners"]
    case .linkToNowhere: return isBoot ? ["leak"] : ["level-chain", "leak"]
    case .reservedBitInLink: return isBoot ? ["leak"] : ["codec", "level-chain", "leak"]
    case .otherSize: return isBoot ? [] : ["level-chain"]
    case .linkReadOnly: return isBoot ? [] : ["codec"]
    case .linkSupervisor: return isBoot ? [] : ["link-rights"]
    case .reservedBitSet: return isBoot ? [] : ["geometry"]
    case .frameShifted, .entryShifted, .writeLost, .executeGained, .userLost, .globalLost,
      .typeChanged, .keyChanged, .softwareBitLost, .softwareBitSet, .dirtySet:
      return []
    }
  }
}
