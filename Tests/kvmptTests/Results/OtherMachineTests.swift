// Results of another machine, kernel, profile or share: what is refused and what is said.

import KVM
import MMU
import Probe
import TestHosts
import Testing

@testable import kvmpt

@Suite(
  "Results of something else are refused, and of another version are said to be", .serialized,
  .enabled(if: Host.hasKVM || Host.hasQEMU, "needs /dev/kvm or QEMU, for a file to begin with"))
struct OtherMachineTests {
  private static let machine = Host.hasKVM ? [] : ["--machine", "qemu"]

  private func report(shard: String) throws -> String {
    let run = try ProgramRun(
      ["conform", "--shard", shard, "--format", "json"] + Self.machine)
    try #require(run.exitCode == 0, "\(run.errors)")
    return run.output
  }

  /// Ways in which a machine is another one.
  private static let otherMachines: [@Sendable (inout MachineProfile) -> Void] = [
    { $0.identity.name += "2" }, { $0.identity.walker = .unknown },
    { $0.identity.hostProcessor = $0.identity.hostProcessor == .silicon ? .qemuTCG : .silicon },
    { $0.vendor = $0.vendor == .amd ? .intel : .amd }, { $0.physicalAddressWidth ^= 1 },
    { $0.features.formSymmetricDifference([.smep]) },
    { $0.features.formSymmetricDifference([.protectionKeys]) },
  ]

  @Test("A run goes on with results of its profile, share, number of blocks and kind of machine")
  func resume() throws {
    let file = try TemporaryFile(try report(shard: "2/400"))
    let whole = try ResultFile.conformance(at: file.path)
    var options = ConformanceOptions()
    options.profile = whole.profile
    options.shard = whole.shard
    let resume = ResumeFile(path: file.path)
    func refusal(
      _ options: ConformanceOptions, _ machine: MachineProfile, _ blockCount: Int
    ) -> String? {
      do throws(CommandFailure) {
        let found = try resume.read(for: options, on: machine, blockCount: blockCount)
        return found == nil ? "nothing" : nil
      } catch {
        return error.text
      }
    }
    let count = whole.profileBlockCount
    #expect(refusal(options, whole.machine, count) == nil)
    for change in [-1, 1] {
      #expect(refusal(options, whole.machine, count + change)?.contains("other cases") == true)
    }
    var other = options
    other.profile = .access
    #expect(refusal(other, whole.machine, count)?.contains("other cases") == true)
    other = options
    other.shard = .whole
    #expect(refusal(other, whole.machine, count)?.contains("other cases") == true)
    for change in Self.otherMachines {
      var machine = whole.machine
      change(&machine)
      #expect(refusal(options, machine, count)?.contains("another machine") == true, "\(machine)")
    }
  }

  @Test("Shards of different machines are not merged, and of different kernels with a warning")
  func merge() throws {
    let files = try ["3/400", "4/400"].map { try TemporaryFile(try report(shard: $0)) }
    let (first, last) = try withExtendedLifetime(files) {
      (
        try ResultFile.conformance(at: files[0].path),
        try ResultFile.conformance(at: files[1].path)
      )
    }
    var second = last
    let merged = try ConformanceReport.merged([first, second])
    #expect(merged.machine.remarks.isEmpty && !merged.isComplete)
    #expect(merged.total.caseCount == first.total.caseCount + second.total.caseCount)
    for change in Self.otherMachines {
      var other = second
      change(&other.machine)
      #expect(throws: ConformanceMergeError.differentMachines) {
        _ = try ConformanceReport.merged([first, other])
      }
    }
    second.machine.identity.kernelRelease = "1.2.3-other"
    second.machine.identity.programVersion = "1.2.3-other"
    let remarks = try ConformanceReport.merged([first, second]).machine.remarks
    #expect(remarks.map(\.id) == ["results-of-several-versions"])
    #expect(remarks.first?.message.contains("1.2.3-other") == true)
  }

  @Test("A run that goes on with another kernel's results says so, and ends as before")
  func resumedElsewhere() throws {
    let text = try report(shard: "5/400")
    let member = Host.hasKVM ? "kernel" : "program-version"
    let value = try #require(JSONValue(json: text)["machine"]?[member]?.text)
    let file = try TemporaryFile(
      text.replacing("\"\(member)\": \"\(value)\"", with: "\"\(member)\": \"1.2.3\""))
    let run = try ProgramRun(["conform", "--shard", "5/400", "--resume", file.path] + Self.machine)
    #expect(run.exitCode == 0 && run.output.contains("such as \(value) and 1.2.3"), "\(run.output)")
  }
}
