// At least 100,000 mutated files: the reader never traps, and never lets a bad one through.

import Dispatch
import Probe
import Synchronization
import TestSupport
import Testing

@testable import kvmpt

@Suite("No file makes the reader trap")
struct ReaderFuzzTests {
  static let fileCount = 100_000
  static let seed: UInt64 = 0x6b76_6d70_7400_0002

  @Test("100,000 mutated files: an address space that passes check(), or problems with a place")
  func mutatedFiles() throws {
    let corpus = try FuzzCorpus()
    let tally = Mutex(FuzzTally())
    let workerCount = 4
    DispatchQueue.concurrentPerform(iterations: workerCount) { worker in
      var generator = SeededGenerator(seed: Self.seed &+ UInt64(worker))
      var own = FuzzTally()
      for round in 0..<Self.fileCount / workerCount {
        let bytes = corpus.mutatedFile(using: &generator)
        if let violation = own.count(bytes) {
          Issue.record(
            "\(violation): seed \(Self.seed), worker \(worker), round \(round): \(bytes)")
          return
        }
      }
      tally.withLock { $0.add(own) }
    }
    let result = tally.withLock { $0 }
    print(
      "mutated files: \(result.acceptedCount + result.refusedCount) read, "
        + "\(result.acceptedCount) accepted, \(result.refusedCount) refused with "
        + "\(result.ids.count) kinds of problems (seed \(Self.seed))")
    #expect(result.acceptedCount + result.refusedCount >= Self.fileCount)
    // A fuzz test that only ever hits the first check shows nothing.
    #expect(result.acceptedCount > 1000)
    #expect(result.ids.count > 40)
  }
}

/// What became of the files.
struct FuzzTally: Sendable {
  var acceptedCount = 0
  var refusedCount = 0
  var ids: Set<String> = []

  /// Reads a file; returns what is wrong with the answer.
  mutating func count(_ bytes: [UInt8]) -> String? {
    let reader = AddressSpaceFileReader(limits: InputLimits(memoryByteCount: 1 << 35))
    switch reader.read(bytes, path: "fuzz") {
    case .file(let file):
      acceptedCount += 1
      if !file.addressSpace.check().isEmpty { return "accepted with problems" }
    case .problems(let problems, _):
      refusedCount += 1
      if problems.isEmpty { return "refused without a problem" }
      for problem in problems {
        ids.insert(problem.id)
        if problem.position.line < 1 || problem.position.column < 1 { return "no place" }
        if problem.message.isEmpty || problem.hint.isEmpty { return "no words" }
      }
    }
    return nil
  }

  mutating func add(_ other: FuzzTally) {
    acceptedCount += other.acceptedCount
    refusedCount += other.refusedCount
    ids.formUnion(other.ids)
  }
}
