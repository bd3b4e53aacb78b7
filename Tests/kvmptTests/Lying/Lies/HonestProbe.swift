// HonestProbe: a record of a batch, and what an honest machine is about to do with it.

import MMU

@testable import Probe

/// A probe, as a lie is about it wherever it is made again.
struct ProbeKey: Hashable, Sendable {
  let address: UInt64
  let loop: AgentBatch.Loop
  let privilege: PrivilegeLevel
  let state: ProcessorState
}

/// One record, with what will come of it.
struct HonestProbe {
  /// The number of the record.
  let index: Int
  let key: ProbeKey
  /// The entries that the access reads, as they are before the batch.
  let steps: [WalkStep]
  let outcome: AccessOutcome
  /// The frame at the end of the walk, whether or not the access may use it.
  let frame: UInt64?
  /// What the record held when it was asked.
  let askedValue: UInt64

  var address: UInt64 { key.address }
  var isSuccess: Bool { if case .success = outcome { true } else { false } }
  var isPageFault: Bool { if case .pageFault = outcome { true } else { false } }
  /// The entry that maps the page.
  var leaf: WalkStep? { frame == nil ? nil : steps.last }

  func step(at level: Level) -> WalkStep? { steps.first { $0.level == level } }
}
