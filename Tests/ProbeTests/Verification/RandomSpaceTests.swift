// Random address spaces agree three ways.

import Dispatch
import GuestMem
import Lies
import MMU
import Synchronization
import TestHosts
import TestSupport
import Testing

@testable import Probe

@Suite("Random address spaces agree three ways", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct RandomSpaceTests {
  @Test("seeded spaces of mixed sizes, rights, halves and aliases")
  func seededSpaces() throws {
    let first = TestSetting.seed ?? 1
    let count = TestSetting.number("KVMPT_SPACES") ?? TestSetting.depth(60, full: 240)
    let verifier = try Verifier()
    var everything = SampleSpaces.everySizeAndRight
    everything.processor.isSMEPEnabled = true
    everything.processor.isSMAPEnabled = true
    everything.processor.isPKEEnabled = true
    let features = try #require(try verifier.profile(for: everything)).features
    let results = Mutex((probes: 0, executed: 0, failures: [UInt64]()))
    let next = Atomic<UInt64>(0)
    DispatchQueue.concurrentPerform(iterations: processorCount()) { _ in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        let seed = first &+ index
        let space = RandomSpaces.space(seed: seed, features: features)
        var options = VerificationOptions()
        options.timeLimit = .seconds(1800)
        options.workerCount = 1
        let report = try? verifier.verify(space, options: options)
        results.withLock {
          $0.probes += report?.total.probeCount ?? 0
          $0.executed += report?.total.executedCount ?? 0
          // Some spaces ask for nothing.
          let accepted =
            space.mappings.isEmpty ? ["nothing-executed"] : Self.mayBeSkipped
          if report?.agrees(but: accepted) != true { $0.failures.append(seed) }
        }
      }
    }
    let found = results.withLock { $0 }
    print(
      "random spaces: \(count) from seed \(first) on, \(found.probes) probes,"
        + " \(found.executed) executed, \(found.failures.count) spaces disagree")
    #expect(found.executed > found.probes * 9 / 10)
    for seed in found.failures.prefix(5) {
      try Self.explain(seed, features, verifier)
    }
    #expect(found.failures.isEmpty)
  }

  /// An access by CPL 3 next to a root entry that the host keeps for itself is explained, and a
  /// fetch from a device ends a guest.
  static let mayBeSkipped = lacksOfMachines.union(["fetch-without-memory"])

  @Test("a failing space shrinks to the mapping that is to blame")
  func shrinking() throws {
    let space = RandomSpaces.space(seed: 11, features: [])
    let culprit = try #require(space.mappings.last { !$0.properties.rights.isEmpty })
    let smallest = RandomSpaces.shrunk(space) { candidate in
      candidate.mappings.contains { $0.name == culprit.name }
    }
    #expect(smallest.mappings.count == 1)
    #expect(smallest.mappings.first?.name == culprit.name)
    #expect(
      smallest.mappings.first?.byteCount == 4096 || smallest.mappings.first?.pageSize != .largest)
  }

  /// Says how to repeat a failure, with as few mappings as show it.
  private static func explain(
    _ seed: UInt64, _ features: Set<MachineFeature>, _ verifier: Verifier
  ) throws {
    let space = RandomSpaces.space(seed: seed, features: features)
    let smallest = RandomSpaces.shrunk(space) { candidate in
      // Nothing at all is unproved, too.
      !candidate.mappings.isEmpty
        && (try? verifier.verify(candidate))?.agrees(but: mayBeSkipped) != true
    }
    var text =
      "seed \(seed) disagrees; repeat with"
      + " KVMPT_SEED=\(seed) KVMPT_SPACES=1 swift test --filter RandomSpaceTests\n"
    text += "processor: \(smallest.processor)\n"
    for mapping in smallest.mappings { text += "\(mapping)\n" }
    do {
      let report = try verifier.verify(smallest)
      for disagreement in report.disagreements.prefix(3) { text += "\(disagreement.verdict)\n" }
      text += "\(report.unproved)\n"
      for flags in report.flagDisagreements.prefix(3) { text += "\(flags.message)\n" }
      for lost in report.lost.prefix(3) { text += "\(lost)\n" }
    } catch {
      text += "\(error)"
    }
    Issue.record("\(text)")
  }
}
