// ImageOptions: the options of every command that reads a memory image.

import ArgumentParser
import GuestMem
import MMU

/// Whose manual decides, on the command line.
enum VendorArgument: String, ExpressibleByArgument, CaseIterable, Sendable {
  case intel, amd

  var vendor: ProcessorVendor { self == .amd ? .amd : .intel }
}

/// Where the tables start, and how they are read where the image does not say it.
struct ImageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The root of the tables; taken from QEMU's note where the image has one.",
      valueName: "address"))
  var cr3: NumberArgument?

  @Option(
    help: ArgumentHelp(
      "The virtual processor whose registers count, from 0 on.", valueName: "number"))
  var vcpu = 0

  @Option(
    help: ArgumentHelp(
      "Read the file as raw memory that starts at this physical address.", valueName: "address"))
  var base: NumberArgument?

  @Option(
    help: ArgumentHelp("Levels of the tables, 4 or 5 (default: CR4.LA57, or 4).", valueName: "n"))
  var levels: Int?

  @Option(
    name: .customLong("physical-bits"),
    help: ArgumentHelp(
      "MAXPHYADDR, 32 to 52: address bits from there up are reserved.", valueName: "bits"))
  var physicalBits = 52

  @Option(help: ArgumentHelp("IA32_EFER.NXE: on or off.", valueName: "state"))
  var nxe = SwitchArgument.on

  @Option(
    name: .customLong("1gib-pages"),
    help: ArgumentHelp("The processor has 1 GiB pages: on or off.", valueName: "state"))
  var gibibytePages = SwitchArgument.on

  @Option(help: ArgumentHelp("Whose manual decides: intel or amd.", valueName: "vendor"))
  var vendor = VendorArgument.intel

  @Option(
    help: ArgumentHelp(
      "IA32_PAT, for the names of memory types: a number, power-on or linux.", valueName: "value"))
  var pat = PATArgument(value: PATArgument.powerOn)

  @Option(help: ArgumentHelp("CR0.WP (default: of the image, or on).", valueName: "state"))
  var wp: SwitchArgument?

  @Option(help: ArgumentHelp("CR4.SMEP (default: of the image, or off).", valueName: "state"))
  var smep: SwitchArgument?

  @Option(help: ArgumentHelp("CR4.SMAP (default: of the image, or off).", valueName: "state"))
  var smap: SwitchArgument?

  @Option(help: ArgumentHelp("CR4.PKE (default: of the image, or off).", valueName: "state"))
  var pke: SwitchArgument?

  @Option(help: ArgumentHelp("PKRU; no image holds it.", valueName: "value"))
  var pkru: NumberArgument?

  /// The table of exit codes and the sentence about registers, for the help of the commands.
  static let registers = """
    The core of a QEMU guest (dump-guest-memory without -p) holds CR0, CR3 and CR4; any other \
    ELF core, and raw memory, needs --cr3.
    """
}

/// IA32_PAT on the command line.
struct PATArgument: ExpressibleByArgument, Sendable {
  let value: UInt64

  /// Source: Intel SDM volume 3A, table 13-12 (power-up and reset).
  static let powerOn: UInt64 = 0x0007_0406_0007_0406
  /// What Linux loads: WB, WC, UC-, UC, WB, WP, UC-, WT from index 0 on.
  static let linux: UInt64 = 0x0407_0506_0007_0106

  init(value: UInt64) { self.value = value }

  init?(argument: String) {
    switch argument {
    case "power-on": value = Self.powerOn
    case "linux": value = Self.linux
    default:
      guard let number = NumberArgument(argument: argument) else { return nil }
      value = number.value
    }
  }

  var defaultValueDescription: String { value == Self.powerOn ? "power-on" : "\(value)" }

  /// The memory type at `index`, 0 to 7; nil for an encoding that the manual reserves.
  func type(at index: UInt8) -> MemoryType? {
    MemoryType(rawValue: UInt8(truncatingIfNeeded: value >> (UInt64(index & 7) * 8)))
  }
}
