// ChangedMachine: a machine that runs batches otherwise than it is told, to see what is made of it.

import GuestImages
import GuestMem
import MMU
import Synchronization

@testable import Probe

/// Makes machines of another factory whose batches `run` runs.
struct ChangedFactory<Change: MachineChange>: WrappedFactory {
  let inner: any MachineFactory
  var unpromised: Set<MachineFeature> = []
  /// A change for each machine that is made.
  let change: @Sendable () -> Change

  func promises(_ feature: MachineFeature) -> Bool {
    inner.promises(feature) && !unpromised.contains(feature)
  }

  func wrap(_ machine: any Machine) -> any Machine { ChangedMachine(machine, change()) }
}

/// What a machine does with a batch instead of running it as it is.
protocol MachineChange {
  mutating func run(
    _ batch: AgentBatch, on machine: any Machine, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd

  /// The machine forgets its translations.
  mutating func forget()
}

extension MachineChange {
  mutating func forget() {}
}

final class ChangedMachine<Change: MachineChange>: WrappedMachine {
  let inner: any Machine
  private var change: Change

  init(_ inner: any Machine, _ change: Change) {
    self.inner = inner
    self.change = change
  }

  func showHostChanges() throws(MachineError) {
    change.forget()
    try inner.showHostChanges()
  }

  func reset() throws(MachineError) {
    change.forget()
    try inner.reset()
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    try change.run(batch, on: inner, deadline: deadline)
  }
}

/// Runs batches with other control registers.
struct OtherState: MachineChange {
  let change: @Sendable (inout AgentBatch) -> Void

  mutating func run(
    _ batch: AgentBatch, on machine: any Machine, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    var batch = batch
    change(&batch)
    return try machine.run(batch, deadline: deadline)
  }
}

/// Protection keys of KVM's shadow tables on a host whose KVM does not know of them.
///
/// A shadow entry has no key, so that at CPL 3 a page that is shadowed has key 0's rights, whatever
/// its key; the first use of a page is judged by KVM's own walk. With a PKRU that restricts key 0,
/// the agent's records fault for ever at CPL 3. CPL 0 is emulated, and right.
struct KeysUntilTheFirstUse: MachineChange {
  private var shadowed: Set<UInt64> = []

  mutating func forget() { shadowed = [] }

  mutating func run(
    _ batch: AgentBatch, on machine: any Machine, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    let records = AgentRecords(in: machine.agent)
    let asked = (0..<batch.recordCount).map { records.address(at: $0) }
    guard batch.privilege == .user else { return try machine.run(batch, deadline: deadline) }
    let isKeyed = batch.state.cr4 >> 22 & 1 != 0
    guard !isKeyed || batch.state.pkru & 3 == 0 else { return .died(.hang, record: 0) }
    var answers: [Int: [UInt64]] = [:]
    var deviceWrites: [UInt64: UInt64] = [:]
    var pending = Array(asked.indices)
    while !pending.isEmpty {
      // One record of each page that is not shadowed, or all of those that are.
      var group: [Int] = []
      var pages: Set<UInt64> = []
      let isShadowed = isKeyed && shadowed.contains(asked[pending[0]] >> 12)
      for index in pending where (isKeyed && shadowed.contains(asked[index] >> 12)) == isShadowed {
        if isShadowed || !isKeyed || pages.insert(asked[index] >> 12).inserted {
          group.append(index)
        }
      }
      // Each stays at its place, because the place is part of what a write leaves behind.
      var part = batch
      if isShadowed { part.state.pkru = 0 }
      let others = Set(asked.indices).subtracting(group)
      for index in asked.indices {
        records.ask(others.contains(index) ? asked[group[0]] : asked[index], at: index)
      }
      for index in others where batch.loop == .write {
        // A write that nobody asked for goes where it harms nobody.
        records.ask(1 << 63, at: index)
      }
      let end = try machine.run(part, deadline: deadline)
      guard case .finished(let writes) = end else { return end }
      deviceWrites.merge(writes) { $1 }
      for index in group {
        let answer = records.answer(at: index)
        answers[index] = [answer.value, answer.errorCode, answer.cr2, answer.vector]
        if !answer.hasFaulted { shadowed.insert(asked[index] >> 12) }
      }
      let done = Set(group)
      pending.removeAll { done.contains($0) }
    }
    for (index, answer) in answers {
      records.ask(asked[index], at: index)
      for (offset, word) in zip(Self.offsets, answer) {
        let place = UInt64(KVMPT_RECORDS + Int32(index) * KVMPT_RECORD_SIZE + offset)
        machine.agent.storeWord(word, at: GuestPhysicalAddress(truncating: place))
      }
    }
    return .finished(deviceWrites: deviceWrites)
  }

  private static let offsets = [
    KVMPT_RECORD_VALUE, KVMPT_RECORD_ERROR, KVMPT_RECORD_CR2, KVMPT_RECORD_VECTOR,
  ]
}

/// Takes at least so long for each batch, and counts them.
struct Slowness: MachineChange {
  let time: Duration
  let count: BatchCounter

  mutating func run(
    _ batch: AgentBatch, on machine: any Machine, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    count.add()
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end { pauseBriefly() }
    return try machine.run(batch, deadline: deadline)
  }
}

/// Loses the guest in the batches that `isDeadly` says.
struct DeadlyBatches: MachineChange {
  let count: BatchCounter
  let isDeadly: @Sendable (AgentBatch) -> Bool

  mutating func run(
    _ batch: AgentBatch, on machine: any Machine, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    guard isDeadly(batch) else { return try machine.run(batch, deadline: deadline) }
    count.add()
    return .died(.hang, record: 0)
  }
}

/// Counts batches, of all machines.
final class BatchCounter: Sendable {
  private let number = Atomic<Int>(0)

  var value: Int { number.load(ordering: .relaxed) }

  func add() { number.add(1, ordering: .relaxed) }
}
