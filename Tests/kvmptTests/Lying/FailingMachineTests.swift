// A machine that fails in the middle of a run: no worker's failure is lost.

import GuestMem
import MMU
import Synchronization
import Testing

@testable import Probe

/// Makes machines, of which those after the first `count` cannot be made.
private struct ScarceFactory: WrappedFactory {
  let inner: any MachineFactory
  let rest: Rest

  final class Rest: Sendable {
    private let count: Mutex<Int>

    init(_ count: Int) { self.count = Mutex(count) }

    /// True for the first machines.
    func take() -> Bool {
      count.withLock {
        $0 -= 1
        return $0 >= 0
      }
    }
  }

  func wrap(_ machine: any Machine) -> any Machine { machine }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    guard rest.take() else { throw .calibrationFailed("there are no more machines") }
    return try inner.makeMachine(
      memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans)
  }
}

@Suite("A machine that fails in the middle of a run ends it with its error")
struct FailingMachineTests {
  private static let failure = MachineError.calibrationFailed("there are no more machines")

  @Test("conform, whichever of its machines it is", arguments: [0, 1])
  func conform(_ count: Int) throws {
    let inner = ModelMachineFactory(features: [.noExecute, .writeProtect])
    let profile = try Conformance(inner).machineProfile()
    var options = ConformanceOptions()
    options.shard = try #require(ConformanceShard(1, of: 97))
    // With enough machines the run is whole.
    let plenty = ScarceFactory(inner: inner, rest: ScarceFactory.Rest(.max))
    #expect(try Conformance(plenty).run(options, on: profile).isComplete)
    let scarce = ScarceFactory(inner: inner, rest: ScarceFactory.Rest(count))
    #expect(throws: Self.failure) { _ = try Conformance(scarce).run(options, on: profile) }
  }

  @Test("verify, the first worker's and the second's", arguments: [0, 1])
  func verify(_ count: Int) throws {
    let setting = try LieSetting(.workers, isKnown: true)
    let scarce = ScarceFactory(inner: setting.factory, rest: ScarceFactory.Rest(count))
    let verifier = Verifier(factory: scarce)
    var options = VerificationOptions()
    options.workerCount = 2
    let profile = try #require(setting.profile)
    let built = try verifier.build(setting.world.space, profile)
    let error = #expect(throws: VerificationError.self) {
      _ = try verifier.verify(built, options: options, profile: profile)
    }
    #expect(error == .machine(Self.failure))
  }
}
