// ConformanceBlock: a matrix in one processor mode with one access, or a sequence of accesses.

import MMU

/// The unit of work and of shards.
struct ConformanceBlock: Sendable {
  /// What a block does.
  enum Work: Sendable {
    case matrix(MatrixBlock)
    /// The position of the sequence in the plan.
    case sequence(Int)
  }

  /// The position in the profile's order, from 0 on.
  let index: Int
  let work: Work
  /// The number of cases in the whole block.
  let caseCount: Int
}

/// All pairs of a matrix, used in one way.
struct MatrixBlock: Sendable {
  /// The position of the matrix in the plan.
  let matrix: Int
  let settings: ProcessorSettings
  let privilege: PrivilegeLevel
  let access: ConformanceAccess
  /// A supervisor read of the address comes first, whatever comes of it.
  var isPrecededByRead = false

  /// The processor's mode and the access.
  var words: String {
    settings.words + ": \(access.words) at CPL \(privilege.rawValue)"
      + (isPrecededByRead ? " after a supervisor read" : "")
  }
}

/// Which cases of a plan are run.
enum ConformanceSelection: Sendable {
  case everything
  /// A deterministic sample.
  case sample(oneIn: UInt64)
  case pair(upper: Int, lower: Int)

  /// The numbers of the pairs of a block that are run, of `pairCount` counted row by row.
  func pairs(ofBlock block: Int, rowLength: Int, pairCount: Int) -> StrideTo<Int> {
    switch self {
    case .everything: return stride(from: 0, to: pairCount, by: 1)
    case .sample(let oneIn):
      // Each block starts elsewhere, so that the blocks together leave nothing out.
      let start = (UInt64(block) &* 0x9e37_79b9_7f4a_7c15) >> 32 % oneIn
      return stride(from: Int(start), to: pairCount, by: Int(oneIn))
    case .pair(let upper, let lower):
      let number = upper * rowLength + lower
      return stride(from: number, to: number + 1, by: 1)
    }
  }

  /// Whether a sequence, which is run whole or not at all, is run; `position` is its position in
  /// the plan.
  func includes(_ sequence: ConformanceSequence, at position: Int) -> Bool {
    switch self {
    case .everything: true
    // The first and the fourth read below every root entry, at CPL 0 and at CPL 3, where machines
    // are known to differ.
    case .sample(let oneIn):
      sequence.isInEverySample || [0, 3].contains(UInt64(position) % max(4, oneIn / 16))
    case .pair: true
    }
  }
}

extension ProcessorSettings {
  /// The modes that are not as after a reset, and the two that always matter.
  var words: String {
    var words = ["NXE=\(isNoExecuteEnabled ? 1 : 0)", "WP=\(controls[.writeProtect])"]
    for control in AccessControl.allCases where control.enabler == nil && controls[control] != 0 {
      if control == .writeProtect { continue }
      var word = "\(control.name)=1"
      for dependent in AccessControl.allCases where dependent.enabler == control {
        let value = controls[dependent]
        word += " \(dependent.name)="
        word += dependent.isBit ? "\(value)" : "0x\(String(value, radix: 16))"
      }
      words.append(word)
    }
    return words.joined(separator: " ")
  }
}
