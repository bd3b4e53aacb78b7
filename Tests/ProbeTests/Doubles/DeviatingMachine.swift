// DeviatingMachine: a machine whose answers are changed, to see what is made of a wrong machine.

import GuestImages
import GuestMem
import MMU

@testable import Probe

/// Makes machines of another factory and changes what their guests answer.
struct DeviatingFactory: WrappedFactory {
  let inner: any MachineFactory
  /// The error code in place of one of a page fault of `batch`.
  let change: @Sendable (_ errorCode: UInt64, _ batch: AgentBatch) -> UInt64

  func wrap(_ machine: any Machine) -> any Machine { DeviatingMachine(machine, change) }
}

final class DeviatingMachine: WrappedMachine {
  let inner: any Machine
  private let change: @Sendable (UInt64, AgentBatch) -> UInt64

  init(_ inner: any Machine, _ change: @escaping @Sendable (UInt64, AgentBatch) -> UInt64) {
    self.inner = inner
    self.change = change
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    let end = try inner.run(batch, deadline: deadline)
    guard case .finished = end else { return end }
    let records = AgentRecords(in: agent)
    for index in 0..<batch.recordCount {
      let answer = records.answer(at: index)
      guard answer.hasFaulted, answer.vector == 14 else { continue }
      let place = UInt64(KVMPT_RECORDS + Int32(index) * KVMPT_RECORD_SIZE + KVMPT_RECORD_ERROR)
      agent.storeWord(
        change(answer.errorCode, batch), at: GuestPhysicalAddress(truncating: place))
    }
    return end
  }
}
