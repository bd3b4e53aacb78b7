// Advice for a machine that cannot do everything, held against what /proc/cpuinfo says here.

import Glibc
import KVM
import Testing

@testable import Probe

@Suite("Advice says what this host lacks")
struct RemedyTests {
  /// The flags of the first processor.
  private static func flags() throws -> Set<String> {
    // SAFETY: the stream is checked for null, used in this function only and closed by it.
    let file = try unsafe #require(fopen("/proc/cpuinfo", "r"))
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 1 << 16)
    // SAFETY: at most as many bytes are written as the array has, and a 0 behind them.
    while unsafe fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard text.hasPrefix("flags") else { continue }
      return Set(text.split { $0 == " " || $0 == "\n" || $0 == "\t" }.map(String.init))
    }
    return []
  }

  private static let names: [(MachineFeature, String)] = [
    (.fiveLevelPaging, "la57"), (.oneGiBPages, "pdpe1gb"), (.noExecute, "nx"),
    (.writeProtect, "lm"), (.smep, "smep"), (.smap, "smap"), (.protectionKeys, "pku"),
    (.supervisorProtectionKeys, "pks"),
  ]

  @Test("KVM PVM needs another host, whatever it promises")
  func pvm() {
    for feature in MachineFeature.allCases {
      for isPromised in [false, true] {
        let text = Remedy.text(for: feature, isPromised: isPromised, walker: .pvm)
        #expect(text.contains("VMX or SVM"))
      }
    }
  }

  @Test("A feature that is promised and does not work needs a newer kernel")
  func promised() {
    for feature in MachineFeature.allCases {
      let text = Remedy.text(for: feature, isPromised: true, walker: .ept)
      #expect(text == "this kernel's KVM offers it and does not do it: use a newer kernel")
    }
  }

  @Test("A feature that is not promised is one of the processor, of its hypervisor or of neither")
  func notPromised() throws {
    #expect(Self.names.count == MachineFeature.allCases.count)
    let flags = try Self.flags()
    #expect(flags.contains("lm"))
    for (feature, flag) in Self.names {
      let text = Remedy.text(for: feature, isPromised: false, walker: .npt)
      if flags.contains(flag) {
        #expect(text == "the processor has it and KVM does not offer it: use a newer kernel")
      } else if flags.contains("hypervisor") {
        #expect(text.hasSuffix("-cpu host,+\(flag)"))
      } else {
        #expect(text == "the processor lacks it: use one with '\(flag)' in /proc/cpuinfo")
      }
    }
  }
}
