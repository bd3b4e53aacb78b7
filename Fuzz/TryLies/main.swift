// TryLies: lies about tables by the thousand. Every lie that matters by the manual must be reported,
// and no other.
//   swift run -c release TryLies --count 10000 --machine kvm

import ArgumentParser
import KVM
import Lies
import MMU
import Probe

/// The machine that proves.
enum LieMachine: String, ExpressibleByArgument, CaseIterable {
  case kvm
  case qemu
}

struct TryLies: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "TryLies",
    abstract: "Tell random lies about tables, and see whether each that matters is reported.")

  @Option(help: "The number of pairs of space and lie.")
  var count = 1000

  @Option(help: "The seed of the first pair; the others follow.")
  var seed: UInt64 = 1

  @Option(help: "The machine that proves.")
  var machine = LieMachine.kvm

  @Option(help: "How many pairs are proved at once; 0 is as many as the machine has workers.")
  var workers = 0

  func validate() throws {
    guard count > 0 else { throw ValidationError("--count takes 1 or more") }
    guard workers >= 0 else { throw ValidationError("--workers takes 0 or more") }
  }

  func run() throws {
    let factory: any MachineFactory
    switch machine {
    case .kvm: factory = try KVMMachineFactory()
    case .qemu: factory = try QEMUMachineFactory()
    }
    let verifier = Verifier(factory: factory)
    var everything = AddressSpace(memoryByteCount: 1 << 20, mappings: [])
    everything.processor.isSMEPEnabled = true
    everything.processor.isSMAPEnabled = true
    everything.processor.isPKEEnabled = true
    guard let profile = try verifier.profile(for: everything) else { throw ExitCode.failure }
    let start = ContinuousClock.now
    let summary = LieCampaign(LieTrial(verifier, profile)).run(
      count: count, from: seed,
      workerCount: workers == 0 ? factory.workerCount : workers
    ) { done in
      if done.isMultiple(of: 1000) { print("\(done) of \(count)") }
    }
    for failure in summary.failures.prefix(20) {
      print("wrong: --seed \(failure.seed) --count 1: \(failure.words)")
    }
    print("\(factory.identity.name): \(summary.words); \(ContinuousClock.now - start)")
    if !summary.failures.isEmpty || summary.executedCount == 0 { throw ExitCode.failure }
  }
}

TryLies.main()
