// Finding out who walks the tables: which KVM module is loaded, and its parameters.

extension TableWalker {
  /// The walker of this host's KVM, read from `/sys/module`.
  public static func ofHost() -> TableWalker {
    of(
      isPVMLoaded: isLoaded("kvm_pvm"), ept: parameter("ept", of: "kvm_intel"),
      npt: parameter("npt", of: "kvm_amd"))
  }

  /// The walker by the modules: whether that of PVM is loaded, and the lines that the others'
  /// parameters have, where they are.
  static func of(isPVMLoaded: Bool, ept: String?, npt: String?) -> TableWalker {
    if isPVMLoaded { return .pvm }
    switch isOn(ept) {
    case true?: return .ept
    case false?: return .shadowPaging
    case nil: break
    }
    switch isOn(npt) {
    case true?: return .npt
    case false?: return .shadowPaging
    case nil: return .unknown
    }
  }

  private static func isLoaded(_ module: String) -> Bool {
    SystemFile.exists("/sys/module/\(module)")
  }

  private static func parameter(_ name: String, of module: String) -> String? {
    SystemFile.firstLine("/sys/module/\(module)/parameters/\(name)")
  }

  private static func isOn(_ line: String?) -> Bool? {
    switch line {
    case "Y", "1": true
    case "N", "0": false
    default: nil
    }
  }
}

/// The release of the host's kernel, such as `6.18.0`; empty where /proc does not say.
public func hostKernelRelease() -> String {
  SystemFile.firstLine("/proc/sys/kernel/osrelease") ?? ""
}

/// True when /proc/cpuinfo lists the flag, such as `la57`.
public func hostProcessorHas(flag: String) -> Bool {
  (SystemFile.value(ofKey: "flags", in: "/proc/cpuinfo") ?? "").split(separator: " ")
    .contains(Substring(flag))
}

/// The processor's name from /proc/cpuinfo; empty where it does not say.
public func hostProcessorName() -> String {
  SystemFile.value(ofKey: "model name", in: "/proc/cpuinfo") ?? ""
}
