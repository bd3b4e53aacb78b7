// ImageOptions: the options of every command that reads a memory image.

import ArgumentParser
import GuestMem
import Inspection
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
      "The root of the tables (default: of the image's notes, where it has some).",
      valueName: "address"), transform: PastedNumber.address)
  var cr3: NumberArgument?

  @Option(
    name: .customLong("vcpu"),
    help: ArgumentHelp(
      "The virtual processor whose registers count, from 0 on. (default: 0)",
      valueName: "number"))
  var givenVCPU: Int?

  @Option(
    help: ArgumentHelp(
      "Read the file as raw memory that starts at this physical address.", valueName: "address"),
    transform: PastedNumber.address)
  var base: NumberArgument?

  @Option(
    help: ArgumentHelp("Levels of the tables, 4 or 5 (default: CR4.LA57, or 4).", valueName: "n"))
  var levels: Int?

  @Option(
    name: .customLong("physical-bits"),
    help: ArgumentHelp(
      "MAXPHYADDR, 32 to 52: address bits from there up are reserved. (default: 52)",
      valueName: "bits"))
  var givenPhysicalBits: Int?

  @Option(
    name: .customLong("nxe"),
    help: ArgumentHelp(
      "IA32_EFER.NXE: on or off (default: of the image, or on).", valueName: "state"))
  var givenNXE: SwitchArgument?

  @Option(
    name: .customLong("1gib-pages"),
    help: ArgumentHelp(
      "The processor has 1 GiB pages: on or off. (default: on)", valueName: "state"))
  var givenGibibytePages: SwitchArgument?

  @Option(
    name: .customLong("vendor"),
    help: ArgumentHelp(
      "Whose manual decides: intel or amd. (default: intel)", valueName: "vendor"))
  var givenVendor: VendorArgument?

  @Flag(
    help: "With qemu:SOCKET: read while the machine goes on; what it changes meanwhile is counted.")
  var live = false

  /// The options that were given.
  var givenNames: [String] {
    given([
      "--cr3": cr3 != nil, "--vcpu": givenVCPU != nil, "--base": base != nil,
      "--levels": levels != nil, "--physical-bits": givenPhysicalBits != nil,
      "--nxe": givenNXE != nil, "--1gib-pages": givenGibibytePages != nil,
      "--vendor": givenVendor != nil, "--live": live,
    ])
  }

  /// The virtual processor whose registers count.
  var vcpu: Int { givenVCPU ?? 0 }
  /// MAXPHYADDR.
  var physicalBits: Int { givenPhysicalBits ?? 52 }
  /// The processor has 1 GiB pages.
  var gibibytePages: SwitchArgument { givenGibibytePages ?? .on }
  /// Whose manual decides.
  var vendor: VendorArgument { givenVendor ?? .intel }

  func validate() throws {
    if !(32...52).contains(physicalBits) {
      throw ValidationError("--physical-bits takes 32 to 52, not \(physicalBits)")
    }
  }

  /// The table of exit codes and the sentence about registers, for the help of the commands.
  static let registers = """
    The core of a QEMU guest (dump-guest-memory without -p) and of a VirtualBox machine \
    (dumpvmcore) hold CR0, CR3 and CR4, a kdump of Linux the root of the kernel's tables; any other \
    ELF core, LiME dumps and raw memory need --cr3. qemu:SOCKET asks a running QEMU (-qmp \
    unix:SOCKET,server=on,wait=off), which is paused while its tables are read; gdb:HOST:PORT asks a \
    stub (-gdb tcp::PORT); map:GPA=FILE[@OFFSET][+SIZE],… takes raw memory in pieces.
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
      guard let number = try? PastedNumber.address(argument) else { return nil }
      value = number.value
    }
  }

  /// What a processor starts with.
  static let atPowerOn = PATArgument(value: powerOn)

  /// The memory type at `index`, 0 to 7; nil for an encoding that the manual reserves.
  func type(at index: UInt8) -> MemoryType? {
    MemoryType(rawValue: UInt8(truncatingIfNeeded: value >> (UInt64(index & 7) * 8)))
  }
}
