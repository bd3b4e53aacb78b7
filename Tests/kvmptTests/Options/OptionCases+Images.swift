// The options of the commands that read memory images.

extension OptionCase {
  private static var raw: String { OptionImages.shared.raw }
  private static var core: String { OptionImages.shared.core }

  /// Raw memory where a command reads it, with what the command needs beside the image.
  private static func situation(_ command: String) -> [String] {
    switch command {
    case "walk": [raw, "0x2000", "0x4000", "0x5000", "0x4000_0000", "0x80_0000_0000"]
    case "explain": [raw, "0x80_0000_3000", "--access", "read", "--cpl", "3"]
    case "diff": [raw, core, "--cr3-b", "0x200000"]
    case "verify": [raw, "--if-no-kvm", "model", "--kvm-device", "/no/such/device"]
    default: [raw]
    }
  }

  /// The commands that read an image.
  static let imageCommands = [
    "verify", "dump", "walk", "explain", "audit", "diff", "aliases", "stats", "convert",
  ]

  /// Where the tables are and how they are read.
  static var tableOptions: [OptionCase] {
    imageCommands.flatMap { command -> [OptionCase] in
      let rooted = situation(command) + ["--cr3", "0x1000"]
      // The page at 0x2000 has XD, that at 0x5000 an address of 41 bits, and one of 1 GiB follows.
      func at(_ address: String) -> [String] {
        command == "explain"
          ? [raw, address, "--access", "read", "--cpl", "0", "--cr3", "0x1000"] : rooted
      }
      let cores = situation(command).map { $0 == raw ? core : $0 }
      return [
        OptionCase(
          command: command, situation: situation(command), option: ["--cr3", "0x1000"],
          outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--levels", "5"], outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--base", "0x10000"], outcome: .changes),
        OptionCase(
          command: command, situation: at("0x5000"), option: ["--physical-bits", "40"],
          outcome: .changes),
        OptionCase(
          command: command, situation: at("0x2000"), option: ["--nxe", "off"], outcome: .changes),
        OptionCase(
          command: command, situation: at("0x4000_0000"), option: ["--1gib-pages", "off"],
          outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--vendor", "amd"], outcome: .changes),
        OptionCase(
          command: command,
          situation: command == "explain"
            ? [core, "0x40_0000"]
            : command == "walk" ? [core, "0x40_0000"] : command == "diff" ? [core, core] : cores,
          option: ["--vcpu", command == "diff" ? "2" : "1"],
          outcome: command == "diff" ? .refused("counts from 0 on") : .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--vcpu", "0"],
          outcome: .refused("no processor's registers")),
      ]
    } + [
      OptionCase(
        command: "diff", situation: [core, LinuxCaseTests.core], option: ["--vcpu", "1"],
        outcome: .refused("counts from 0 on")),
      OptionCase(
        command: "diff", situation: [core, "\(PackageFiles.root)/Examples/user-process.yaml"],
        option: ["--vcpu", "1"], outcome: .changes),
    ]
  }

  /// The registers that effective rights depend on, and what has no use for them.
  static var registerOptions: [OptionCase] {
    let rights = ["dump", "aliases", "audit", "convert", "verify"].flatMap {
      command -> [OptionCase] in
      let rooted = situation(command) + ["--cr3", "0x1000"]
      return [
        OptionCase(
          command: command, situation: rooted, option: ["--wp", "off"], outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--smep", "on"], outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--smap", "on"], outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--pke", "on"],
          outcome: .changes),
        OptionCase(
          command: command, situation: rooted + ["--pke", "on"], option: ["--pkru", "0x5"],
          outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--pkru", "0x5"],
          outcome: .refused("CR4.PKE is off")),
        OptionCase(
          command: command, situation: rooted, option: ["--pks", "on"],
          outcome: .changes),
        OptionCase(
          command: command, situation: rooted + ["--pks", "on"], option: ["--pkrs", "0x5"],
          outcome: .changes),
        OptionCase(
          command: command, situation: rooted, option: ["--pkrs", "0x5"],
          outcome: .refused("CR4.PKS is off")),
      ]
    }
    // Nothing is shown of PKE alone where its keys deny nothing.
    let needed = rights.filter {
      !($0.command == "aliases" && ["--pke", "--pks"].contains($0.option[0]))
    }
    let keys = [("--pkru", "--pke"), ("--pkrs", "--pks")].map { rights, enabler in
      OptionCase(
        command: "aliases", situation: [OptionImages.shared.raw, "--cr3", "0x1000", rights, "0x5"],
        option: [enabler, "on"], outcome: .changes)
    }
    let ignoring = [["--tree"], ["--format", "tlb"]].flatMap { form in
      [
        ["--wp", "off"], ["--smep", "on"], ["--smap", "on"], ["--pke", "on"], ["--pkru", "0"],
        ["--pks", "on"],
        ["--pkrs", "0"],
      ].map {
        OptionCase(
          command: "dump", situation: [raw, "--cr3", "0x1000"] + form, option: $0,
          outcome: .refused("no effective rights"))
      }
    }
    // A command without the registers has no such option at all.
    let others = ["walk", "diff", "stats"].map {
      OptionCase(
        command: $0, situation: situation($0) + ["--cr3", "0x1000"], option: ["--smep"],
        outcome: .refused("Unknown option"))
    }
    return needed + keys + ignoring + others
  }

  /// The registers of `explain`, each with accesses that depend on it and accesses that do not.
  static var explainOptions: [OptionCase] {
    func explain(
      _ address: String, _ access: String, _ cpl: String, _ option: [String], _ outcome: Outcome,
      beside more: [String] = []
    ) -> OptionCase {
      OptionCase(
        command: "explain",
        situation: [raw, address, "--cr3", "0x1000", "--access", access, "--cpl", cpl] + more,
        option: option, outcome: outcome)
    }
    let no = Outcome.refused("does not depend on it")
    return [
      explain("0x6000", "write", "0", ["--wp", "off"], .changes),
      explain("0x6000", "read", "0", ["--wp", "off"], no),
      explain("0x6000", "write", "3", ["--wp", "off"], no),
      explain("0x0", "fetch", "0", ["--smep", "on"], .changes),
      explain("0x0", "read", "0", ["--smep", "on"], no),
      explain("0x0", "fetch", "3", ["--smep", "on"], no),
      explain("0x0", "read", "0", ["--smap", "on"], .changes),
      explain("0x0", "fetch", "0", ["--smap", "on"], no),
      explain("0x0", "read", "3", ["--smap", "on"], no),
      explain("0x0", "read", "0", ["--ac", "on"], .changes, beside: ["--smap", "on"]),
      explain("0x0", "read", "0", ["--ac", "on"], .refused("CR4.SMAP is off")),
      explain("0x0", "fetch", "0", ["--ac", "on"], no),
      explain("0x0", "read", "3", ["--ac", "on"], no),
      explain("0x3000", "read", "3", ["--pkru", "0x4"], .changes, beside: ["--pke", "on"]),
      explain("0x3000", "fetch", "3", ["--pkru", "0x4"], no),
      explain("0x3000", "fetch", "3", ["--pke", "on"], no),
      explain("0x3000", "read", "3", ["--pkru", "0x4"], .refused("CR4.PKE is off")),
      explain("0x3000", "read", "3", ["--pke", "on"], .changes, beside: ["--pkru", "0x4"]),
      explain("0x2000", "read", "0", ["--pkrs", "0x1"], .changes, beside: ["--pks", "on"]),
      explain("0x2000", "read", "0", ["--pks", "on"], .changes, beside: ["--pkrs", "0x1"]),
      explain("0x3000", "fetch", "3", ["--pks", "on"], no),
      explain("0x3000", "fetch", "3", ["--pkrs", "0x4"], no),
      explain("0x3000", "read", "3", ["--pkrs", "0x4"], .refused("CR4.PKS is off")),
    ]
      + [
        OptionCase(
          command: "explain", situation: [raw, "0x6000", "--cr3", "0x1000"],
          option: ["--access", "write"], outcome: .changes),
        OptionCase(
          command: "explain", situation: [raw, "0x6000", "--cr3", "0x1000"],
          option: ["--cpl", "3"], outcome: .changes),
        OptionCase(
          command: "explain", situation: [raw, "--cr3", "0x1000"], option: ["--cr2", "0x6000"],
          outcome: .changes),
        OptionCase(
          command: "explain", situation: [raw, "0x6000", "--cr3", "0x1000"],
          option: ["--cr2", "0x6000"], outcome: .refused("give one address")),
        OptionCase(
          command: "explain", situation: [raw, "0x6000", "--cr3", "0x1000"],
          option: ["--expect", "\(PackageFiles.root)/Examples/user-process.yaml"],
          outcome: .changes),
        OptionCase(
          command: "explain", situation: [raw, "0x6000", "--cr3", "0x1000"],
          option: ["--error-code", "0x3"], outcome: .changes),
        OptionCase(
          command: "explain", situation: [raw, "0x6000", "--cr3", "0x1000", "--access", "read"],
          option: ["--error-code", "0x3"], outcome: .refused("would say")),
      ]
  }

  /// The rest of what these commands have.
  static var otherImageOptions: [OptionCase] {
    let rooted = [raw, "--cr3", "0x1000"]
    func dump(_ more: [String], _ option: [String], _ outcome: Outcome) -> OptionCase {
      OptionCase(command: "dump", situation: rooted + more, option: option, outcome: outcome)
    }
    let types = ["walk", "dump", "convert", "diff"].map {
      OptionCase(
        command: $0, situation: situation($0) + ["--cr3", "0x1000"], option: ["--pat", "linux"],
        outcome: .changes)
    }
    let yaml = "\(PackageFiles.root)/Examples/user-process.yaml"
    let other = "\(PackageFiles.root)/Examples/higher-half-kernel.yaml"
    let unused = [
      ["--cr3", "0x1000"], ["--vcpu", "0"], ["--base", "0"], ["--levels", "5"],
      ["--physical-bits", "40"], ["--nxe", "off"], ["--1gib-pages", "off"], ["--vendor", "amd"],
    ]
    return types + [
      OptionCase(
        command: "explain", situation: [raw, "0x4000", "--cr3", "0x1000"],
        option: ["--pat", "linux"], outcome: .changes),
      OptionCase(
        command: "audit", situation: rooted, option: ["--pat", "0"], outcome: .changes),
      OptionCase(
        command: "aliases", situation: rooted, option: ["--pat", "linux"],
        outcome: .refused("Unknown option")),
      dump([], ["--tree"], .changes), dump([], ["--filter", "w,x"], .changes),
      dump([], ["--shared", "once"], .changes),
      dump(["--tree"], ["--filter", "w"], .refused("--tree shows all tables")),
      dump(["--tree"], ["--shared", "once"], .refused("shows each table once")),
      dump(["--tree"], ["--pat", "linux"], .refused("names no memory types")),
      dump(["--format", "json"], ["--tree"], .refused("leave --format out")),
      dump(["--format", "tlb"], ["--shared", "once"], .refused("a line for each page")),
      dump(["--format", "tlb"], ["--pat", "linux"], .refused("names no memory types")),
      dump(["--format", "tlb", "--filter", "wt"], ["--pat", "linux"], .changes),
      OptionCase(
        command: "audit", situation: rooted, option: ["--allow", "/no/such/file"],
        outcome: .changes),
      OptionCase(
        command: "audit", situation: [core], option: ["--fail-on", "error"], outcome: .changes),
      OptionCase(
        command: "audit", situation: rooted, option: ["--user-stack", "0x0"], outcome: .changes),
      OptionCase(
        command: "convert", situation: rooted, option: ["--memory", "2GiB"], outcome: .changes),
      OptionCase(
        command: "convert", situation: rooted, option: ["--ignore", "accessed"],
        outcome: .changes),
      OptionCase(
        command: "convert", situation: rooted, option: ["--ignore", "global"],
        outcome: .refused("always says")),
      OptionCase(
        command: "diff", situation: [raw, raw, "--cr3", "0x1000"], option: ["--cr3-b", "0xa000"],
        outcome: .changes),
      OptionCase(
        command: "diff", situation: [raw, yaml, "--cr3", "0x1000"], option: ["--cr3-b", "0xa000"],
        outcome: .refused("no memory image")),
      OptionCase(
        command: "diff", situation: [yaml, raw, "--cr3-b", "0xa000"], option: ["--cr3", "0xa000"],
        outcome: .refused("no memory image")),
      OptionCase(
        command: "diff", situation: [raw, core, "--cr3", "0x1000", "--cr3-b", "0x200000"],
        option: ["--ignore", "user"], outcome: .changes),
      OptionCase(
        command: "diff", situation: [LinuxCaseTests.core, ImageReportTests.listing],
        option: ["--ignore", "key"], outcome: .refused("does not say")),
      OptionCase(
        command: "diff", situation: [LinuxCaseTests.core, ImageReportTests.listing],
        option: ["--pat", "linux"], outcome: .changes),
      OptionCase(
        command: "diff", situation: [yaml, ImageReportTests.listing], option: ["--pat", "linux"],
        outcome: .changes),
      OptionCase(
        command: "diff",
        situation: [LinuxCaseTests.core, LinuxCaseTests.core, "--ignore", "memory-type"],
        option: ["--pat", "linux"], outcome: .refused("--ignore memory-type")),
    ]
      + (unused + [["--pat", "linux"], ["--cr3-b", "0x1000"]]).map {
        OptionCase(
          command: "diff", situation: [yaml, other], option: $0, outcome: .refused("neither"))
      }
      + (unused + [
        ["--expect", other], ["--wp", "off"], ["--smep", "on"], ["--smap", "on"], ["--pke", "on"],
        ["--pkru", "0x55"], ["--pks", "on"], ["--pkrs", "0x55"], ["--pat", "linux"],
      ]).map {
        OptionCase(
          command: "verify", situation: [yaml], option: $0,
          outcome: .refused("is an address-space file"))
      }
  }
}
