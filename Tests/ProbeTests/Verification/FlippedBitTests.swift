// It catches lies: every bit of every word is flipped, one at a time.

import Dispatch
import GuestMem
import MMU
import Synchronization
import TestHosts
import TestSupport
import Testing

@testable import Probe

@Suite("Every flipped bit that matters is caught", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct FlippedBitTests {
  @Test("each bit of each present word, and of an absent word beside it")
  func everyBit() throws {
    let verifier = try Verifier()
    let space = SampleSpaces.everySizeAndRight
    let profile = try #require(try verifier.profile(for: space))
    let words = TestSetting.share(
      try FlippedWord.all(in: verifier.build(space, profile)), oneIn: 8)
    let workerCount = processorCount()
    let results = Mutex(FlipResults())
    DispatchQueue.concurrentPerform(iterations: workerCount) { worker in
      do {
        let runner = try FlipRunner(verifier, space, profile)
        for (index, word) in words.enumerated() where index % workerCount == worker {
          for bit in 0..<64 {
            let result = try runner.flip(word, bit: UInt64(bit))
            results.withLock { $0.add(result) }
          }
        }
      } catch {
        results.withLock { $0.failures.append("\(error)") }
      }
    }
    let found = results.withLock { $0 }
    print(
      "flipped bits: \(words.count) words, \(found.flipCount) flips, \(found.caughtCount) caught,"
        + " \(found.harmlessCount) harmless; \(found.probeCount) probes,"
        + " \(found.notExecutedCount) of them not executable")
    for failure in found.failures.prefix(10) { Issue.record("\(failure)") }
    #expect(found.failures.isEmpty)
    #expect(found.flipCount == words.count * 64)
    #expect(found.caughtCount + found.harmlessCount == found.flipCount)
    // The share with the fewest that matter has 47 of them here.
    #expect(found.caughtCount > TestSetting.depth(30, full: 500))
  }
}

/// A word of a table.
private struct FlippedWord {
  let address: UInt64
  let isPresent: Bool

  /// Every present word of every table, and of the absent words beside each the first.
  static func all(in built: consuming BuiltAddressSpace) -> [FlippedWord] {
    let memory = built.memory.view
    var words: [UInt64: Bool] = [:]
    var pending = [(built.cr3, built.space.rootLevel)]
    while let (table, level) = pending.popLast() {
      for index in 0..<512 {
        let address = table + UInt64(index) * 8
        let entry = PageTableEntry(load(address, memory), at: level)
        guard entry.isPresent else { continue }
        words[address] = true
        for beside in [index + 1, index - 1] where beside >= 0 && beside < 512 {
          let neighbour = table + UInt64(beside) * 8
          if load(neighbour, memory) & 1 == 0 {
            words[neighbour] = words[neighbour] ?? false
            break
          }
        }
        if !entry.isLeaf, let lower = level.lower {
          pending.append((entry.tableAddress.rawValue, lower))
        }
      }
    }
    return words.map { FlippedWord(address: $0.key, isPresent: $0.value) }
      .sorted { $0.address < $1.address }
  }

  private static func load(_ address: UInt64, _ memory: MemoryView) -> UInt64 {
    memory.loadWord(at: GuestPhysicalAddress(truncating: address)) ?? 0
  }
}

/// What one flip came to.
private struct FlipResult {
  let isCaught: Bool
  let probeCount: Int
  let notExecutedCount: Int
  let failure: String?
}

private struct FlipResults {
  var flipCount = 0
  var caughtCount = 0
  var harmlessCount = 0
  var probeCount = 0
  var notExecutedCount = 0
  var failures: [String] = []

  mutating func add(_ result: FlipResult) {
    flipCount += 1
    probeCount += result.probeCount
    notExecutedCount += result.notExecutedCount
    if result.isCaught { caughtCount += 1 } else { harmlessCount += 1 }
    if let failure = result.failure { failures.append(failure) }
  }
}

/// Flips bits in one built address space and verifies each time.
private final class FlipRunner {
  private let verifier: Verifier
  private let profile: MachineProfile
  private let built: BuiltAddressSpace
  private let plan: ProbePlan
  private let options: VerificationOptions
  private let baseline: Set<ProbeVerdict>
  private let baselineOutcomes: [AccessOutcome]

  init(_ verifier: Verifier, _ space: AddressSpace, _ profile: MachineProfile) throws {
    self.verifier = verifier
    self.profile = profile
    built = try verifier.build(space, profile)
    plan = built.plan()
    var options = VerificationOptions()
    options.timeLimit = .seconds(1800)
    options.unsupportedPages = .probe
    options.workerCount = 1
    self.options = options
    let report = try verifier.verify(built, plan: plan, options: options, profile: profile)
    baseline = Set(report.disagreements.map(\.verdict))
    baselineOutcomes = Self.outcomes(built, plan)
  }

  func flip(_ word: FlippedWord, bit: UInt64) throws -> FlipResult {
    let memory = built.memory.view
    let place = GuestPhysicalAddress(truncating: word.address)
    let before = memory.loadWord(at: place) ?? 0
    memory.storeWord(before ^ 1 << bit, at: place)
    defer { memory.storeWord(before, at: place) }
    let isChanged = Self.outcomes(built, plan) != baselineOutcomes
    let report = try verifier.verify(built, plan: plan, options: options, profile: profile)
    let isCaught = Set(report.disagreements.map(\.verdict)) != baseline
    var failure: String?
    let name = "bit \(bit) of \(HexadecimalNumber(before)) at \(HexadecimalNumber(word.address))"
    let modelIsWrong = report.disagreements.first {
      $0.verdict.disagreements.contains(.modelledExecuted)
    }
    if let wrong = modelIsWrong {
      failure = "\(name): model and machine disagree: \(wrong.verdict)"
    } else if let flags = report.flagDisagreements.first {
      failure = "\(name): \(flags.message)"
    } else if let lost = report.lost.first {
      failure = "\(name): a probe killed the guest: \(lost)"
    } else if isChanged && !isCaught {
      failure = "\(name) changed what happens, and nothing was said"
    } else if !isChanged && isCaught {
      failure = "\(name) changed nothing, and something was said"
    }
    return FlipResult(
      isCaught: isCaught, probeCount: report.total.probeCount,
      notExecutedCount: report.total.probeCount - report.total.executedCount, failure: failure)
  }

  /// What the model says about every probe of the plan.
  private static func outcomes(
    _ built: borrowing BuiltAddressSpace, _ plan: ProbePlan
  ) -> [AccessOutcome] {
    let memory = built.memory.view
    let configuration = built.configuration
    let settings = built.space.processor
    let cr3 = built.cr3
    return plan.pages.flatMap { page in
      let walk = Walk(page.linearAddress, cr3: cr3, configuration: configuration, in: memory)
      return ProbeManner.allCases.map { manner in
        walk.predict(
          Access(manner.kind), mode: settings.mode(at: manner.privilege),
          configuration: configuration
        ).outcome
      }
    }
  }
}
