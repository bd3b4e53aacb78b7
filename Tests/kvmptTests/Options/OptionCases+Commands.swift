// The options of reports, of machines, and of the commands that run guests.

extension OptionCase {
  private static let yaml = "\(PackageFiles.root)/Examples/user-process.yaml"

  /// A run of each command that needs no machine, and the formats that it has beside text.
  private static var reports: [(command: String, situation: [String], formats: [String])] {
    let rooted = [OptionImages.shared.raw, "--cr3", "0x1000"]
    return [
      (
        "verify", [yaml, "--if-no-kvm", "model", "--kvm-device", "/no/such/device"],
        ["json", "junit", "tap"]
      ),
      ("doctor", ["--kvm-device", "/no/such/device"], ["json"]),
      ("check", [yaml], ["json"]),
      ("dump", rooted, ["json", "jsonl", "tlb"]),
      ("walk", rooted + ["0x1000"], ["json"]),
      ("explain", rooted + ["0x6000", "--access", "write"], ["json"]),
      ("audit", rooted, ["json", "junit", "sarif"]),
      (
        "diff", [rooted[0], OptionImages.shared.core] + rooted[1...] + ["--cr3-b", "0x200000"],
        ["json"]
      ),
      ("stats", rooted, ["json"]),
    ]
  }

  /// Where a report goes and how it looks.
  static var reportOptions: [OptionCase] {
    var cases = reports.flatMap { command, situation, formats -> [OptionCase] in
      formats.flatMap { format in
        [
          OptionCase(
            command: command, situation: situation, option: ["--format", format],
            outcome: .changes),
          OptionCase(
            command: command, situation: situation + ["--format", format],
            option: ["--color", "always"],
            outcome: .refused("--format \(format) is never coloured")),
        ]
      } + [
        OptionCase(
          command: command, situation: situation, option: ["--color", "always"], outcome: .changes),
        OptionCase(
          command: command, situation: situation, option: ["--output", "@FILE"], outcome: .writes),
      ]
    }
    let rooted = [OptionImages.shared.raw, "--cr3", "0x1000"]
    cases += [("aliases", rooted), ("convert", rooted), ("schema", [])].flatMap {
      command, situation in
      [
        OptionCase(
          command: command, situation: situation, option: ["--output", "@FILE"], outcome: .writes),
        OptionCase(
          command: command, situation: situation, option: ["--color", "always"],
          outcome: .refused("Unknown option")),
      ]
    }
    cases.append(
      OptionCase(
        command: "aliases", situation: rooted, option: ["--format", "json"], outcome: .changes))
    return cases
  }

  /// Which machine runs the guest.
  static var machineOptions: [OptionCase] {
    [("verify", [yaml]), ("doctor", []), ("conform", ["--shard", "1/400"])].flatMap {
      (command: String, situation: [String]) -> [OptionCase] in
      let emulated = situation + ["--machine", "qemu"]
      return [
        OptionCase(
          command: command, situation: situation, option: ["--kvm-device", "/no/such/device"],
          outcome: .changes),
        OptionCase(
          command: command, situation: emulated, option: ["--kvm-device", "/dev/kvm"],
          outcome: .refused("is about KVM")),
        // There is no PATH in the environment of the run, and so no QEMU.
        OptionCase(
          command: command, situation: situation + ["--kvm-device", "/no/such/device"],
          option: ["--machine", "auto"], outcome: .changes),
        OptionCase(
          command: command, situation: emulated, option: ["--qemu", "/no/such/program"],
          outcome: .changes),
        OptionCase(
          command: command, situation: situation, option: ["--qemu", "qemu-system-x86_64"],
          outcome: .refused("is about QEMU")),
        OptionCase(
          command: command, situation: situation, option: ["--phys-bits", "40"],
          outcome: .refused("is about QEMU")),
      ]
    } + [
      OptionCase(
        command: "doctor", situation: [], option: ["--machine", "kvm,qemu"],
        outcome: .refused("examines one machine")),
      OptionCase(
        command: "conform", situation: ["--shard", "1/400"], option: ["--machine", "kvm,qemu"],
        outcome: .refused("examines one machine")),
      OptionCase(
        command: "verify",
        situation: [OptionImages.shared.raw, "--cr3", "0x1000", "--machine", "qemu"],
        option: ["--phys-bits", "36"], outcome: .changes, need: .qemu),
      OptionCase(
        command: "doctor", situation: ["--machine", "qemu"], option: ["--phys-bits", "36"],
        outcome: .changes, need: .qemu),
      OptionCase(
        command: "conform", situation: ["--shard", "1/400", "--machine", "qemu"],
        option: ["--phys-bits", "36"], outcome: .changes, need: .qemu),
    ]
  }

  /// What a run of a guest is about.
  static var runOptions: [OptionCase] {
    let small = ["--shard", "1/400"]
    return [
      OptionCase(
        command: "verify", situation: [yaml], option: ["--timeout", "1ms"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "verify", situation: [yaml], option: ["--machine-profile", "/no/such/profile"],
        outcome: .changes, need: .kvm),
      OptionCase(
        command: "verify", situation: [yaml, "--kvm-device", "/no/such/device"],
        option: ["--if-no-kvm", "model"], outcome: .changes),
      OptionCase(
        command: "verify",
        situation: [yaml, "--kvm-device", "/no/such/device", "--if-no-kvm", "model"],
        option: ["--exhaustive"], outcome: .changes),
      OptionCase(
        command: "verify",
        situation: [
          OptionImages.shared.raw, "--cr3", "0x1000", "--if-no-kvm", "model", "--kvm-device",
          "/no/such/device",
        ], option: ["--exhaustive"], outcome: .changes),
      OptionCase(
        command: "verify",
        situation: [yaml, "--kvm-device", "/no/such/device", "--if-no-kvm", "model"],
        option: ["--allow-unproved", "no-machine"], outcome: .changes),
      OptionCase(
        command: "verify",
        situation: [
          OptionImages.shared.raw, "--cr3", "0x1000", "--if-no-kvm", "model", "--kvm-device",
          "/no/such/device",
        ], option: ["--expect", yaml], outcome: .changes),
      OptionCase(
        command: "verify",
        situation: [
          OptionImages.shared.raw, "--cr3", "0x1000", "--if-no-kvm", "model", "--kvm-device",
          "/no/such/device", "--expect", yaml,
        ], option: ["--pat", "linux"], outcome: .changes),
      OptionCase(
        command: "verify", situation: [OptionImages.shared.raw, "--cr3", "0x1000"],
        option: ["--pat", "linux"], outcome: .refused("without --expect")),
      OptionCase(
        command: "conform", situation: small, option: ["--profile", "access"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--shard", "2/300"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--timeout", "1ms"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--resume", "@FILE"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--write-profile", "@FILE"],
        outcome: .writes, need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--baseline", "/no/such/baseline"],
        outcome: .changes, need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--write-baseline", "@FILE"],
        outcome: .writes, need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--output", "@FILE"], outcome: .writes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--format", "json"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small, option: ["--color", "always"], outcome: .changes,
        need: .kvm),
      OptionCase(
        command: "conform", situation: small + ["--format", "json"], option: ["--color", "never"],
        outcome: .refused("never coloured")),
      OptionCase(
        command: "merge", situation: ["x", "--format", "json"], option: ["--color", "never"],
        outcome: .refused("never coloured")),
    ]
  }
}
