// LyingMachine: a machine that does what another one does, and says something else about one probe.

import GuestMem
import MMU

@testable import Probe

/// Makes machines that lie, around those of another factory.
struct LyingFactory: WrappedFactory {
  let inner: any MachineFactory
  let liar: Liar

  func wrap(_ machine: any Machine) -> any Machine { machine }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    let machine = try inner.makeMachine(
      memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans)
    guard liar.scope.roles.contains(MachineRole(memory)) else { return machine }
    return LyingMachine(machine, liar, LieSceneMaker(inner, memory))
  }
}

/// One machine that lies.
final class LyingMachine: WrappedMachine {
  let inner: any Machine
  private let liar: Liar
  private let scenes: LieSceneMaker
  private var kept: KeptTranslations?

  init(_ inner: any Machine, _ liar: Liar, _ scenes: LieSceneMaker) {
    self.inner = inner
    self.liar = liar
    self.scenes = scenes
    kept = KeptTranslations(liar.lie)
  }

  func showHostChanges() throws(MachineError) {
    kept?.hostHasChanged()
    try inner.showHostChanges()
  }

  func reset() throws(MachineError) {
    kept?.forget()
    try inner.reset()
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    let scene = scenes.scene(of: batch, on: inner)
    if kept != nil { return try runWithKeptTranslations(scene, deadline) }
    guard let probe = liar.probe(in: scene) else {
      return try inner.run(batch, deadline: deadline)
    }
    if let end = liar.lie.end(at: probe) {
      liar.noteTold()
      return end
    }
    let end = try inner.run(batch, deadline: deadline)
    guard case .finished(var deviceWrites) = end else { return end }
    if liar.lie.tell(about: probe, in: scene, &deviceWrites) { liar.noteTold() }
    return .finished(deviceWrites: deviceWrites)
  }

  private func runWithKeptTranslations(
    _ scene: LieScene, _ deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    guard liar.scope.includes(scene.batch) else {
      return try inner.run(scene.batch, deadline: deadline)
    }
    let probes = Array(scene.probes)
    let end = try inner.run(scene.batch, deadline: deadline)
    guard case .finished = end else { return end }
    if kept?.tell(about: probes, in: scene, mayTell: liar.lie.isTold(liar.toldCount)) == true {
      liar.noteTold()
    }
    return end
  }
}

extension MachineLie {
  /// True when a lie that was told so often is told again.
  fileprivate func isTold(_ count: Int) -> Bool {
    if case .hostEdit(.once) = self { return count == 0 }
    return true
  }
}
