// The options of `boot`.

extension OptionCase {
  private static func boot(
    _ kind: BootKernelFiles.Kind, _ situation: [String], _ option: [String],
    _ outcome: Outcome = .changes, need: Need = .kvm
  ) -> OptionCase {
    OptionCase(
      command: "boot", situation: [BootKernelFiles.shared[kind]] + situation, option: option,
      outcome: outcome, need: need)
  }

  /// What a kernel is given, where it runs and what is said of it.
  static var bootOptions: [OptionCase] {
    let qemu = ["--machine", "qemu"]
    return [
      boot(.pvh, [], ["--tables", "program-headers"]), boot(.good, [], ["--memory", "4MiB"]),
      boot(.commandLine, [], ["--cmdline", "A"]), boot(.good, [], ["--success-exit", "0x11"]),
      boot(.loops, [], ["--timeout", "100ms"]), boot(.prints, [], ["--serial", "@FILE"], .writes),
      boot(.parent, [], ["--format", "json"]), boot(.parent, [], ["--color", "always"]),
      boot(.parent, [], ["--output", "@FILE"], .writes),
      boot(
        .parent, ["--format", "json"], ["--color", "always"],
        .refused("--format json is never coloured"), need: .nothing),
      boot(.good, ["--machine", "kvm"], ["--kvm-device", "/no/such/device"]),
      boot(.good, qemu, ["--kvm-device", "/dev/kvm"], .refused("is about KVM"), need: .nothing),
      boot(
        .good, ["--kvm-device", "/no/such/device"], ["--machine", "kvm"], need: .qemu),
      boot(.good, qemu, ["--qemu", "/no/such/program"], need: .nothing),
      boot(
        .good, ["--machine", "kvm"], ["--qemu", "qemu-system-x86_64"], .refused("is about QEMU"),
        need: .nothing),
      boot(.width, qemu, ["--phys-bits", "36"], need: .qemu),
      boot(
        .good, ["--machine", "kvm"], ["--phys-bits", "40"], .refused("is about QEMU"),
        need: .nothing),
      boot(.good, [], ["--phys-bits", "40"], .refused("is about QEMU"), need: .nothing),
      boot(.good, [], ["--success-exit", "0x80"], .refused("takes 0 to 127"), need: .nothing),
    ]
  }
}
