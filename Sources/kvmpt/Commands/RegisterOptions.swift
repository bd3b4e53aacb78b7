// RegisterOptions: the control registers that rights depend on, for the commands that show rights.

import ArgumentParser

/// The registers that an image is used with, where they are not those that it holds.
struct RegisterOptions: ParsableArguments {
  @Option(help: ArgumentHelp("CR0.WP (default: of the image, or on).", valueName: "state"))
  var wp: SwitchArgument?

  @Option(help: ArgumentHelp("CR4.SMEP (default: of the image, or off).", valueName: "state"))
  var smep: SwitchArgument?

  @Option(help: ArgumentHelp("CR4.SMAP (default: of the image, or off).", valueName: "state"))
  var smap: SwitchArgument?

  @Option(help: ArgumentHelp("CR4.PKE (default: of the image, or off).", valueName: "state"))
  var pke: SwitchArgument?

  @Option(
    help: ArgumentHelp("PKRU, which counts with PKE; no image holds it.", valueName: "value"),
    transform: PastedNumber.address)
  var pkru: NumberArgument?

  /// The options that were given.
  var givenNames: [String] {
    given([
      "--wp": wp != nil, "--smep": smep != nil, "--smap": smap != nil, "--pke": pke != nil,
      "--pkru": pkru != nil,
    ])
  }

  /// The values that were given.
  var values: RegisterValues {
    RegisterValues(
      isWriteProtectEnabled: wp?.isOn, isSMEPEnabled: smep?.isOn, isSMAPEnabled: smap?.isOn,
      isPKEEnabled: pke?.isOn, pkru: pkru?.value)
  }
}

/// IA32_PAT, for the commands that name memory types.
struct MemoryTypeOptions: ParsableArguments {
  @Option(
    name: .customLong("pat"),
    help: ArgumentHelp(
      "IA32_PAT, for the names of memory types: a number, power-on or linux. (default: power-on)",
      valueName: "value"))
  var givenPAT: PATArgument?

  /// The option, when it was given.
  var givenNames: [String] { given(["--pat": givenPAT != nil]) }

  /// The value that counts.
  var pat: PATArgument { givenPAT ?? .atPowerOn }
}
