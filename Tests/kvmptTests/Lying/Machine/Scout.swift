// Scout: looks in an honest run for the probe that each lie can be about, whichever thread makes it.

import MMU
import Synchronization

@testable import Probe

/// Finds for each lie the first probe in an order that does not depend on threads.
final class Scout: Sendable {
  private let lies: [MachineLie]
  private let roles: Set<MachineRole>
  private let includes: @Sendable (AgentBatch) -> Bool
  private let found = Mutex<[MachineLie: ProbeKey]>([:])

  /// Looks in the scope that all of `lies` have.
  init(_ lies: [MachineLie], _ scope: Liar.Scope) {
    self.lies = lies
    roles = scope.roles
    includes = scope.includes
  }

  /// The probe that a lie can be about, or nil where the run had none.
  func target(of lie: MachineLie) -> ProbeKey? { found.withLock { $0[lie] } }

  fileprivate func looks(at memory: MachineMemory) -> Bool { roles.contains(MachineRole(memory)) }

  fileprivate func look(at scene: LieScene) {
    guard includes(scene.batch) else { return }
    for probe in scene.probes {
      for lie in lies where lie.suits(probe, in: scene) {
        found.withLock { found in
          if let known = found[lie], !probe.key.isBefore(known) { return }
          found[lie] = probe.key
        }
      }
    }
  }
}

/// Makes honest machines that a scout watches.
struct ScoutedFactory: WrappedFactory {
  let inner: any MachineFactory
  let scout: Scout

  func wrap(_ machine: any Machine) -> any Machine { machine }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    let machine = try inner.makeMachine(
      memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans)
    return scout.looks(at: memory)
      ? ScoutedMachine(machine, scout, LieSceneMaker(inner, memory)) : machine
  }
}

private final class ScoutedMachine: WrappedMachine {
  let inner: any Machine
  private let scout: Scout
  private let scenes: LieSceneMaker

  init(_ inner: any Machine, _ scout: Scout, _ scenes: LieSceneMaker) {
    self.inner = inner
    self.scout = scout
    self.scenes = scenes
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    scout.look(at: scenes.scene(of: batch, on: inner))
    return try inner.run(batch, deadline: deadline)
  }
}

extension ProbeKey {
  /// An order of probes.
  fileprivate func isBefore(_ other: ProbeKey) -> Bool {
    let numbers = { (key: ProbeKey) in
      [
        key.address, key.loop.rawValue, UInt64(key.privilege.rawValue), key.state.cr0,
        key.state.cr4, key.state.efer, UInt64(key.state.pkru), UInt64(key.state.pkrs),
      ]
    }
    return numbers(self).lexicographicallyPrecedes(numbers(other))
  }
}
