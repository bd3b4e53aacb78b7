// What counts where an option is not given, and that what is given counts.

import ArgumentParser
import Probe
import Testing

@testable import kvmpt

@Suite("An option that is not given has the value that its help names")
struct DefaultOptionTests {
  /// The help of each command that is looked at.
  private static let helps: [String: String] = Dictionary(
    uniqueKeysWithValues: ["dump", "verify", "conform", "doctor", "check", "audit", "stats"].map {
      ($0, (try? ProgramRun([$0, "--help"]).output) ?? "")
    })

  /// What the help of a command says of an option, in one line.
  private static func help(_ command: String, _ option: String) throws -> String {
    let lines = try #require(helps[command])
      .split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasPrefix("  \(option) <") }, "\(option)")
    let rest = lines[(start + 1)...].prefix { $0.hasPrefix("     ") }
    return ([lines[start]] + rest).map { $0.drop { $0 == " " } }.joined(separator: " ")
  }

  @Test("About images: 52 bits, Intel, 1 GiB pages, the first processor, IA32_PAT as at power-on")
  func images() throws {
    let none = try ImageOptions.parse([])
    #expect(none.physicalBits == 52 && none.vcpu == 0 && none.vendor == .intel)
    #expect(none.gibibytePages.isOn && none.givenNXE == nil && none.levels == nil)
    #expect(none.cr3 == nil && none.base == nil && none.givenNames == [])
    #expect(try MemoryTypeOptions.parse([]).pat.value == 0x0007_0406_0007_0406)
    #expect(try MemoryTypeOptions.parse([]).givenNames == [])
    for (option, value) in [
      ("--physical-bits", "52"), ("--vendor", "intel"), ("--1gib-pages", "on"), ("--vcpu", "0"),
    ] {
      #expect(try Self.help("dump", option).contains("(default: \(value))"))
    }
    #expect(try Self.help("dump", "--pat").hasSuffix("(default: power-on)"))
    let given = try ImageOptions.parse([
      "--physical-bits", "40", "--vendor", "amd", "--1gib-pages", "off", "--vcpu", "3", "--nxe",
      "off", "--levels", "5", "--cr3", "0x2000", "--base", "0x1000",
    ])
    #expect(given.physicalBits == 40 && given.vcpu == 3 && given.vendor == .amd)
    #expect(!given.gibibytePages.isOn && given.givenNXE?.isOn == false && given.levels == 5)
    #expect(given.cr3?.value == 0x2000 && given.base?.value == 4096)
    #expect(
      given.givenNames == [
        "--cr3", "--vcpu", "--base", "--levels", "--physical-bits", "--nxe", "--1gib-pages",
        "--vendor",
      ])
    for (text, value) in [
      ("linux", 0x0407_0506_0007_0106), ("power-on", 0x0007_0406_0007_0406), ("0", 0),
      ("0x0102030405060708", 0x0102_0304_0506_0708),
    ] as [(String, UInt64)] {
      let types = try MemoryTypeOptions.parse(["--pat", text])
      #expect(types.pat.value == value && types.givenNames == ["--pat"])
    }
  }

  @Test("About machines: KVM by its usual name, QEMU by its usual name, and 48 bits of it")
  func machines() throws {
    let none = try MachineChoice.parse([])
    #expect(none.machine == .kvm && none.devicePath == "/dev/kvm")
    #expect(none.qemuPath == "qemu-system-x86_64" && none.givenPhysicalAddressWidth == nil)
    #expect(try Self.help("verify", "--kvm-device").hasSuffix("(default: /dev/kvm)"))
    #expect(try Self.help("verify", "--qemu").hasSuffix("(default: qemu-system-x86_64)"))
    #expect(try Self.help("verify", "--phys-bits").hasSuffix("(default: 48)"))
    #expect(
      try Self.help("verify", "--machine").hasSuffix(
        "(values: kvm, qemu, auto, kvm,qemu; default: kvm)"))
    let given = try MachineChoice.parse([
      "--machine", "auto", "--kvm-device", "a", "--qemu", "b", "--phys-bits", "32",
    ])
    #expect(given.machine == .auto && given.devicePath == "a" && given.qemuPath == "b")
    #expect(given.givenPhysicalAddressWidth == 32)
    for (width, isRight) in [(31, false), (32, true), (52, true), (53, false)] {
      let arguments = ["--machine", "qemu", "--phys-bits", "\(width)"]
      let parsed = try? MachineChoice.parse(arguments)
      #expect((parsed != nil) == isRight)
    }
  }

  @Test("About time: a minute for verify, an hour for conform, and what is given")
  func times() throws {
    #expect(try MachineOptions.parse([]).timeout.duration == .seconds(60))
    #expect(try ConformCommand.parse([]).timeout.duration == .seconds(3600))
    #expect(try Self.help("verify", "--timeout").hasSuffix("(default: 60s)"))
    #expect(try Self.help("conform", "--timeout").hasSuffix("(default: 3600s)"))
    for (text, duration) in [
      ("1ms", .milliseconds(1)), ("500ms", .milliseconds(500)), ("30s", .seconds(30)),
      ("30", .seconds(30)), ("2m", .seconds(120)), ("86400000ms", .seconds(86_400)),
      ("1440m", .seconds(86_400)),
    ] as [(String, Duration)] {
      #expect(TimeLimit(argument: text)?.duration == duration)
      #expect(try ConformCommand.parse(["--timeout", text]).timeout.duration == duration)
    }
    for text in ["0", "0s", "-1s", "1.5s", "s", "ms", "", "1h", " 1s", "86400001ms", "1441m"] {
      #expect(TimeLimit(argument: text) == nil, "\(text)")
    }
  }

  @Test(
    "About reports and profiles: text without a file, all cases of quick, the built-in baseline")
  func reports() throws {
    let conform = try ConformCommand.parse([])
    #expect(conform.profile == .quick && conform.shard.shard == .whole && conform.format == .text)
    #expect(conform.resume == nil && conform.profilePath == nil)
    #expect(conform.baseline.name == "built-in" && conform.baseline.path == nil)
    #expect(conform.report.output == nil && conform.report.color == .auto)
    #expect(try BaselineOptions.parse(["--baseline", "rules.json"]).name == "rules.json")
    #expect(try Self.help("conform", "--profile").hasSuffix("default: quick)"))
    #expect(try Self.help("conform", "--shard").hasSuffix("(default: 1/1)"))
    for command in ["conform", "doctor", "check", "verify", "dump", "audit", "stats"] {
      #expect(try Self.help(command, "--format").hasSuffix("default: text)"), "\(command)")
    }
    for command in ["conform", "doctor", "verify", "dump", "audit"] {
      #expect(try Self.help(command, "--color").contains("(default: auto)"), "\(command)")
    }
    #expect(try Self.help("verify", "--if-no-kvm").hasSuffix("default: fail)"))
    let verify = try VerifyCommand.parse(["x"])
    #expect(verify.missingKVM == .fail && verify.format == .text && verify.expect == nil)
  }
}
