// PaperHabits: what a machine on paper does where the manual leaves it open, and where it lies.

import MMU

@testable import Probe

/// What a machine on paper does, of what the manual leaves open, and where it lies.
struct PaperHabits: Sendable {
  /// A fault sets A wherever the model says that it may.
  var marksOnFault = false
  /// A locked write that fails has read before.
  var readsBeforeLockedWrite = false
  /// An access that fails in its second page has been made in the first one.
  var marksFirstPage = false
  /// Of two pages that both make an access fail, the second one is reported.
  var reportsSecondPage = false
  /// What is done instead of one access.
  var lie: @Sendable (PaperAccess) -> PaperLie? = { _ in nil }
  /// Why a batch cannot be run.
  var failure: @Sendable (AgentBatch) -> MachineError? = { _ in nil }
}

/// An access that a machine on paper is asked to make.
struct PaperAccess: Sendable {
  let loop: AgentBatch.Loop
  let privilege: PrivilegeLevel
  /// Where its first byte is.
  let address: UInt64
  let state: ProcessorState
  /// The position of the record in the batch.
  let record: Int
  /// What the model says.
  let outcome: AccessOutcome
  /// The words of the entries on the way, the root's first.
  let words: [UInt64]

  /// `ok`, `gp`, `ss`, or the error code of a page fault.
  var code: String {
    switch outcome {
    case .success: "ok"
    case .pageFault(let code): "0x" + String(code.rawValue, radix: 16)
    case .generalProtection: "gp"
    case .stackFault: "ss"
    }
  }
}

/// What a machine on paper does instead.
enum PaperLie: Sendable {
  case fault(vector: UInt64, code: UInt64)
  /// The access does what it should, and the record has this value.
  case value(UInt64)
  /// The access does nothing, and says that it succeeded.
  case nothing
  /// These bits are not set in the last entry.
  case lacks(UInt64)
  /// A is not set in the entries above the last.
  case lacksAbove
  /// These bits are set in the word at a physical address besides.
  case sets(UInt64, at: UInt64)
  case dies(GuestDeath, record: Int?)
}
