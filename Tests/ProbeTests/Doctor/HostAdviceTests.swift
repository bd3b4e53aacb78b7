// What a machine that lacks something is advised, by what its host has.

import KVM
import Testing

@testable import Probe

@Suite("Advice fits the host: a module, a newer kernel, another processor or hypervisor")
struct HostAdviceTests {
  static let flags: [MachineFeature: String] = [
    .fiveLevelPaging: "la57", .oneGiBPages: "pdpe1gb", .noExecute: "nx", .writeProtect: "lm",
    .smep: "smep", .smap: "smap", .protectionKeys: "pku", .supervisorProtectionKeys: "pks",
  ]

  @Test("A feature that does not work", arguments: MachineFeature.allCases)
  func features(_ feature: MachineFeature) throws {
    let flag = try #require(Self.flags[feature])
    for walker in TableWalker.allCases {
      for isPromised in [false, true] {
        for bits in 0..<4 {
          // Every other flag is there, so that only the right one counts.
          let others = Set(Self.flags.values).subtracting([flag])
          let host =
            others.union(bits & 1 != 0 ? [flag] : []).union(bits & 2 != 0 ? ["hypervisor"] : [])
          let text = Remedy.text(for: feature, isPromised: isPromised, walker: walker) {
            host.contains($0)
          }
          let expected =
            walker == .pvm
            ? "KVM PVM does not do it"
            : isPromised
              ? "this kernel's KVM offers it and does not do it"
              : bits & 1 != 0
                ? "the processor has it and KVM does not offer it"
                : bits & 2 != 0
                  ? "start this virtual machine with it" : "the processor lacks it: use one with"
          #expect(text.hasPrefix(expected))
          if walker != .pvm && !isPromised && bits & 1 == 0 {
            #expect(text.contains(bits & 2 != 0 ? "-cpu host,+\(flag)" : "'\(flag)'"))
          }
        }
      }
    }
  }

  @Test("No device: the module of the processor, or a way to virtualization")
  func modules() {
    for (host, start) in [
      (["vmx"], "sudo modprobe kvm_intel"), (["svm"], "sudo modprobe kvm_amd"),
      (["vmx", "svm", "hypervisor"], "sudo modprobe kvm_intel"),
      (["svm", "hypervisor"], "sudo modprobe kvm_amd"), ([], "enable virtualization"),
      (["hypervisor"], "start this virtual machine"),
    ] as [(Set<String>, String)] {
      #expect(Remedy.load { host.contains($0) }.hasPrefix(start), "\(host)")
    }
  }

  @Test("Another path than KVM's is named as such, and each error has its steps")
  func steps() {
    let standard = Device.standardPath
    let elsewhere = ["kvmpt doctor --kvm-device \(standard)"]
    for error in [KVMError.noDevice(path: "/x"), .notADevice(path: "/x"), .notKVM(path: "/x")] {
      #expect(Remedy.steps(for: .kvm(error)) == elsewhere)
    }
    let device = Remedy.steps(for: .kvm(.noDevice(path: standard)))
    #expect(device.count == 2 && device.last?.contains("docker run --device") == true)
    #expect(Remedy.steps(for: .kvm(.noDriver(path: "/x"))) == device)
    let permission = Remedy.steps(for: .kvm(.permissionDenied(path: "/x")))
    #expect(permission.count == 2 && permission.last?.contains("chmod 666 /x") == true)
    for error in [
      .notADevice(path: standard), .notKVM(path: standard), .wrongAPIVersion(1, path: "/x"),
      .missingCapability(name: "X"), .call(.run, errorNumber: 22),
    ] as [KVMError] {
      #expect(Remedy.steps(for: .kvm(error)) == [error.hint])
    }
  }
}
