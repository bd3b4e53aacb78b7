// Where nothing or not everything was executed there is no agreement, on a machine that runs guests.

import GuestMem
import KVM
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite(
  "What the machine did not execute is no agreement", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct NothingExecutedTests {
  /// The unproved reasons of a proof of `space` on KVM with a changed profile.
  static func reasons(
    _ space: AddressSpace, timeLimit: Duration = .seconds(60),
    _ change: (inout MachineProfile) -> Void = { _ in }
  ) throws -> (ids: [String], report: VerificationReport) {
    let verifier = try Verifier()
    var profile = try #require(try verifier.profile(for: UnprovedTests.space([UnprovedTests.page])))
    change(&profile)
    let built = try verifier.build(space, .anyMachine)
    var options = VerificationOptions()
    options.timeLimit = timeLimit
    let report = try verifier.verify(built, options: options, profile: profile)
    #expect(!report.isAgreement && !report.hasDisagreement)
    return (report.unproved.map(\.id), report)
  }

  @Test("Five levels on a machine without them")
  func fiveLevels() throws {
    var space = UnprovedTests.space([UnprovedTests.page])
    space.rootLevel = .pageMapLevel5
    let (ids, report) = try Self.reasons(space) { $0.features.remove(.fiveLevelPaging) }
    #expect(ids == ["no-5-level-paging"] && report.total.executedCount == 0)
  }

  @Test("A profile that explains every root entry away leaves the agent no place")
  func everyRootEntryExplained() throws {
    let (ids, report) = try Self.reasons(UnprovedTests.space([UnprovedTests.page])) {
      $0.deviations = (0..<512).map { .rootEntryUnreachableAtUser(index: $0) }
    }
    #expect(ids == ["no-free-root-entry"] && report.total.executedCount == 0)
  }

  @Test("A mapping all of whose probes were skipped, beside one that was executed")
  func skippedMapping() throws {
    var large = UnprovedTests.page
    large.name = "large"
    large.linearAddress = LinearAddress(truncating: 0x4000_0000, width: .bits48)
    large.byteCount = 1 << 30
    large.target = .device(GuestPhysicalAddress(truncating: 1 << 34))
    let (ids, report) = try Self.reasons(UnprovedTests.space([UnprovedTests.page, large])) {
      $0.features.remove(.oneGiBPages)
    }
    #expect(ids.contains("no-1gib-pages"))
    #expect(report.tallies[.mapping(0)]?.executedCount == 6)
    #expect(report.tallies[.mapping(1)]?.executedCount == 0)
    #expect(report.tallies[.mapping(1)]?.coveredCount == 0)
  }

  @Test("An expectation that was never executed, and a run that came to nothing")
  func expectationAndTime() throws {
    let expectation = Probe.Expectation(
      linearAddress: 0x40_0000, access: .read, privilege: .user, outcome: .success(nil))
    let space = UnprovedTests.space([UnprovedTests.page], [expectation])
    let (ids, report) = try Self.reasons(space, timeLimit: .zero)
    #expect(ids.contains("time-limit") && report.verdict == .unfinished)
    #expect(report.tallies[.expectation(0)]?.executedCount == 0)
  }
}
