// The main job on a real guest.

import GuestMem
import KVM
import MMU
import Probe
import TestHosts
import Testing

@Suite("The main job on a real guest", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct VerifierTests {
  @Test("a small address space agrees three ways")
  func smallSpaceAgrees() throws {
    let report = try Verifier().verify(SampleSpaces.everySizeAndRight)
    #expect(report.agrees(but: ["no-1gib-pages"]))
    let hasLargePages = try #require(report.profile).features.contains(.oneGiBPages)
    #expect(report.isAgreement == hasLargePages)
    // The page of 1 GiB is all that a machine may lack.
    let total = report.total
    #expect(total.probeCount == 510)
    #expect(total.executedCount == total.probeCount - (hasLargePages ? 0 : 6 * 3))
  }
}
