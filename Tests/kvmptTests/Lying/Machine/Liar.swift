// Liar: which lie is told, about which probe, and how often it was told.

import MMU
import Synchronization

@testable import Probe

/// What a machine is used for, as far as its memory shows.
enum MachineRole: Hashable, Sendable {
  /// Calibration and the trials of doctor.
  case trial
  /// The matrices of conform and of doctor's sample.
  case matrices
  /// The sequences of conform.
  case sequences
  /// What a verification asks.
  case proof

  init(_ memory: MachineMemory) {
    switch memory.contents {
    case .zeros:
      let sequences = SequenceSpace.tablesAddress + SequenceSpace.tablesByteCount
      self = memory.byteCount == sequences ? .sequences : .matrices
    case .file, .shared, .notShareable: self = memory.byteCount == 2 << 20 ? .trial : .proof
    }
  }
}

/// Tells one lie about one probe: the first that it can be about, and the same one whenever it is made
/// again.
final class Liar: Sendable {
  /// Where a liar looks for its probe.
  struct Scope: Sendable {
    /// On which machines.
    var roles: Set<MachineRole>
    /// Of which batches.
    var includes: @Sendable (AgentBatch) -> Bool = { _ in true }
    /// At which page only, or nil for any.
    var page: UInt64?
  }

  let lie: MachineLie
  let scope: Scope
  private let state = Mutex(State())

  private struct State: Sendable {
    var target: ProbeKey?
    var toldCount = 0
  }

  /// `target` is the probe where it is known already.
  init(_ lie: MachineLie, _ scope: Scope, about target: ProbeKey? = nil) {
    self.lie = lie
    self.scope = scope
    state.withLock { $0.target = target }
  }

  /// How often the lie was told.
  var toldCount: Int { state.withLock { $0.toldCount } }

  func noteTold() { state.withLock { $0.toldCount += 1 } }

  /// The probe of a batch about which the lie is told; nil where the batch has none.
  func probe(in scene: LieScene) -> HonestProbe? {
    guard scope.includes(scene.batch) else { return nil }
    // A feature that is deadly is so for all who turn it on.
    let isAboutAll = if case .deadlyFeature = lie { true } else { false }
    if !isAboutAll, let known = state.withLock({ $0.target }) { return scene.probe(of: known) }
    for probe in scene.probes {
      if let page = scope.page, probe.address & ~0xfff != page { continue }
      guard lie.suits(probe, in: scene) else { continue }
      // Of several workers the first one to come decides.
      let target = state.withLock { state in
        if state.target == nil { state.target = probe.key }
        return state.target
      }
      if isAboutAll || target == probe.key { return probe }
      return self.probe(in: scene)
    }
    return nil
  }
}
