// TrialMachine: a machine on which features are tried, and what ends a trial early.

import GuestImages
import GuestMem
import MMU
import Synchronization

/// The guests that a trial lost; after so many of them no more probes are made.
///
/// Each costs the time in which a guest is given up, so that a trial which costs one guest after
/// another would take minutes.
final class TrialLosses: Sendable {
  private let deaths = Mutex<[String]>([])
  private let limit: Int

  /// Ends the trial at the guest with the number `limit`.
  init(limit: Int) { self.limit = limit }

  /// True when no more guests may be lost.
  var isExhausted: Bool { deaths.withLock { $0.count } >= limit }

  /// How the first guest was lost, or nil.
  var first: String? { deaths.withLock { $0.first } }

  func add(_ text: String) { deaths.withLock { $0.append(text) } }
}

/// Runs batches on another machine, in another mode first, and counts the guests that are lost.
final class TrialMachine: WrappedMachine {
  let inner: any Machine
  private let losses: TrialLosses
  /// The mode in which every record's page is used before the batch that asks about it.
  var before: ProcessorState?

  init(_ inner: any Machine, _ losses: TrialLosses) {
    self.inner = inner
    self.losses = losses
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    if let before {
      let records = AgentRecords(in: agent)
      let addresses = (0..<batch.recordCount).map { records.address(at: $0) }
      var first = batch
      first.state = before
      // What is only read leaves the pages' contents to the batch that is compared.
      if batch.loop != .fetch { first.loop = .read }
      let end = try note(first, inner.run(first, deadline: deadline), addresses)
      guard case .finished = end else { return end }
      for (index, address) in addresses.enumerated() { records.ask(address, at: index) }
    }
    let records = AgentRecords(in: agent)
    let addresses = (0..<batch.recordCount).map { records.address(at: $0) }
    return try note(batch, inner.run(batch, deadline: deadline), addresses)
  }

  private func note(
    _ batch: AgentBatch, _ end: AgentBatchEnd, _ addresses: [UInt64]
  ) -> AgentBatchEnd {
    guard case .died(let death, let record) = end else { return end }
    let place = record.flatMap { addresses.indices.contains($0) ? addresses[$0] : nil }
    losses.add(
      "\(batch.loop.words) at CPL \(batch.privilege.rawValue)"
        + (place.map { ", at or after \(HexadecimalNumber($0))" } ?? "") + ": \(death.message)")
    return end
  }
}

extension AgentBatch.Loop {
  /// What the loop does, in words.
  fileprivate var words: String {
    switch self {
    case .read: "read"
    case .write: "write"
    case .fetch: "fetch"
    case .lockedOr: "locked write"
    case .push, .call, .pop, .descriptor, .store, .invalidate, .loadCR0, .loadCR3, .loadCR4:
      "access"
    }
  }
}
