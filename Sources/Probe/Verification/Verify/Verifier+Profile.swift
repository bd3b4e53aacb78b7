// A verification by the rules of a profile.

import KVM
import MMU

extension Verifier {
  /// Takes the rules of a profile, which must be about the machine at hand.
  ///
  /// The kind of the machine, who walks its tables, the vendor and MAXPHYADDR must be the same. Where
  /// the kernel's or QEMU's version differs, or the processor's name, the rules are taken and each
  /// report says so: what a rule explains is unproved in any case.
  ///
  /// - Throws: ``MachineProfileMismatch`` with the first field that differs.
  public mutating func use(_ profile: MachineProfile) throws(MachineProfileMismatch) {
    guard let factory else { return }
    let (given, own) = (profile.identity, factory.identity)
    // What an emulated processor calls itself need not be whose rules it follows.
    let isNamed = own.hostProcessor == .silicon
    let vendors = [profile.vendor, isNamed ? factory.vendor : profile.vendor].map {
      $0 == .amd ? "amd" : "intel"
    }
    let widths = [
      profile.physicalAddressWidth, MachineProfile.believedWidth(factory.physicalAddressWidth),
    ].map { String($0) }
    for (field, expected, found) in [
      ("name", given.name, own.name),
      ("walker", given.walker.rawValue, own.walker.rawValue),
      ("vendor", vendors[0], vendors[1]), ("physical-address-bits", widths[0], widths[1]),
    ] where expected != found {
      throw MachineProfileMismatch(field: field, expected: expected, found: found)
    }
    if own.walker != .tcg, given.hostProcessor != own.hostProcessor {
      throw MachineProfileMismatch(
        field: "host-processor", expected: given.hostProcessor.rawValue,
        found: own.hostProcessor.rawValue)
    }
    knownDeviations = profile.deviations
    usedProfile = given
  }
}
