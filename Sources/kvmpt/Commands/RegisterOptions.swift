// RegisterOptions: the control registers that rights depend on, for the commands that show rights.

import ArgumentParser
import MMU

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

  @Option(help: ArgumentHelp("CR4.PKS (default: of the image, or off).", valueName: "state"))
  var pks: SwitchArgument?

  @Option(
    help: ArgumentHelp("IA32_PKRS, which counts with PKS; no image holds it.", valueName: "value"),
    transform: PastedNumber.address)
  var pkrs: NumberArgument?

  /// The options that were given.
  var givenNames: [String] {
    AccessControl.allCases.filter { values[$0] != nil }.map { "--" + $0.rawValue }
  }

  /// The values that were given.
  var values: RegisterValues {
    var values = RegisterValues()
    func number(_ state: SwitchArgument?) -> UInt64? { state.map { $0.isOn ? 1 : 0 } }
    values[.writeProtect] = number(wp)
    values[.smep] = number(smep)
    values[.smap] = number(smap)
    values[.pke] = number(pke)
    values[.pkru] = pkru?.value
    values[.pks] = number(pks)
    values[.pkrs] = pkrs?.value
    return values
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
