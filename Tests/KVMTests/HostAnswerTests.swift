// What is said about the host, against what the host itself says.

import CKVM
import CLinux
import MMU
import TestHosts
import TestImages
import Testing

@testable import KVM

@Suite("What is said about the host is what the host says")
struct HostAnswerTests {
  @Test("The kernel's release is what uname answers")
  func release() {
    #expect(hostKernelRelease() == HostText.kernelRelease)
  }

  @Test("The processor's name and flags are those of /proc/cpuinfo")
  func processor() {
    func value(_ key: String) -> String? {
      for line in (HostText.of("/proc/cpuinfo") ?? "").split(separator: "\n") {
        guard let colon = line.firstIndex(of: ":") else { continue }
        let name = line[..<colon].filter { $0 != "\t" }
        if name == key { return String(line[line.index(after: colon)...].drop { $0 == " " }) }
      }
      return nil
    }
    #expect(hostProcessorName() == value("model name") ?? "")
    let flags = (value("flags") ?? "").split(separator: " ")
    #expect(!flags.isEmpty)
    for flag in flags { #expect(hostProcessorHas(flag: String(flag)), "\(flag)") }
  }

  @Test("The walker is that of the module of KVM which is loaded, and of its parameter")
  func walker() {
    let expected = TableWalker.of(
      isPVMLoaded: HostText.exists("/sys/module/kvm_pvm"),
      ept: HostText.firstLine(of: "/sys/module/kvm_intel/parameters/ept"),
      npt: HostText.firstLine(of: "/sys/module/kvm_amd/parameters/npt"))
    #expect(TableWalker.ofHost() == expected)
  }

  @Test("Files of keys: the first line with the key and a colon, and lines without are passed")
  func keys() {
    for (text, key, expected) in [
      ("", "key", nil), ("\n\n", "key", nil), ("key", "key", nil),
      ("key: \n", "key", ""), ("key:value", "key", "value"), ("key:   value ", "key", "value "),
      ("key\nkey: second", "key", "second"), ("other: key: no\nkey: yes", "key", "yes"),
      ("key: a\nkey: b", "key", "a"), (" key: a", "key", nil),
      ("key\t: a:b: c", "key", "a:b: c"),
    ] as [(String, String, String?)] {
      let file = TestFile(text)
      #expect(SystemFile.value(ofKey: key, in: file.path) == expected, "\(text.debugDescription)")
      #expect(
        SystemFile.firstLine(file.path) == text.split(separator: "\n").first.map(String.init))
      #expect(SystemFile.exists(file.path))
    }
  }

  @Test("A key behind more than a page of text is found")
  func longFiles() {
    let line = String(repeating: "x", count: 5000) + "\n"
    let near = TestFile(line + "key: near\n")
    #expect(SystemFile.value(ofKey: "key", in: near.path) == "near")
    #expect(SystemFile.firstLine(near.path)?.utf8.count == 5000)
  }
}

@Suite(
  "What a machine is told, it does or refuses", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ToldMachineTests {
  @Test(
    "A model-specific register has the value that was written, in the guest",
    arguments: [
      (0x277, 0x0007_0406_0007_0406), (0x277, 0x0001_0504_0600_0107),
      (0xc000_0082, 0xffff_8123_4567_89ab), (0xc000_0102, 0x0000_7edc_ba98_7654),
    ] as [(UInt32, UInt64)])
  func registers(_ index: UInt32, _ value: UInt64) throws {
    // mov $index, %ecx; rdmsr; hlt
    let number = (0..<4).map { UInt8(truncatingIfNeeded: index >> (8 * UInt32($0))) }
    let guest = try TestGuest(code: [0xb9] + number + [0x0f, 0x32, 0xf4])
    try guest.cpu.setMSR(index, to: value)
    let exit = try guest.cpu.run(limit: .seconds(300))
    #expect(exit == .halted)
    let registers = try guest.cpu.registers()
    #expect(registers.rdx << 32 | registers.rax == value)
  }

  @Test(
    "A value that the register cannot have is refused, and named",
    arguments: [
      (0xc000_0080, 1 << 63), (0xc000_0082, 1 << 63), (0xc000_0102, 1 << 62),
    ] as [(UInt32, UInt64)])
  func refusedValue(_ index: UInt32, _ value: UInt64) throws {
    let guest = try TestGuest(code: [0xf4])
    #expect(throws: KVMError.call(.setMSR(index: index, value: value), errorNumber: 22)) {
      try guest.cpu.setMSR(index, to: value)
    }
  }

  @Test("KVM keeps 64 shadow pages or more: fewer are refused with EINVAL")
  func shadowPages() throws {
    let guest = try TestGuest(code: [0xf4])
    for count in [Int.min, -1, 0, 1, 63] {
      #expect(throws: KVMError.call(.setShadowPageCount(count), errorNumber: 22)) {
        try guest.machine.setShadowPageCount(count)
      }
    }
    for count in [64, 65, 1000] { try guest.machine.setShadowPageCount(count) }
    let exit = try guest.cpu.run(limit: .seconds(300))
    #expect(exit == .halted)
  }
}

@Suite("Each failed call has a hint of its own where people can do something")
struct CallHintTests {
  @Test("Every call with every number")
  func hints() {
    let plain =
      "see what the kernel says (sudo dmesg | tail) and what kvmpt doctor finds to work"
    for call in KVMErrorTests.calls {
      for number in 1..<140 as Range<Int32> {
        let expected =
          switch (call, number) {
          case (.createVirtualMachine, 16):
            "another hypervisor uses the processor's virtualization: stop it"
          case (.run, 11), (.createVirtualMachine, 11):
            "KVM may not start a thread of its own: raise the limit of processes (ulimit -u, or"
              + " pids.max of the control group)"
          case (.createTimer, 11): "raise the limit of pending signals: ulimit -i 4096"
          case (_, 24): "raise the limit of open files: ulimit -n 4096"
          case (_, 23): "the system has no free file descriptors: close other programs"
          case (_, 12):
            "the host has no memory left: use less RAM or fewer virtual machines"
          case (.setMemoryRegion, 17): "the range overlaps another memory slot"
          case (.setMemoryRegion, 22):
            "the range must be page-aligned and lie within the guest's physical addresses"
          case (.setSpecialRegisters, 22):
            "this KVM refuses the paging mode: kvmpt doctor says what it supports"
          default: plain
          }
        #expect(KVMError.call(call, errorNumber: number).hint == expected, "\(call) \(number)")
      }
    }
  }

  @Test("Each call is written as the manual and the kernel's headers write it")
  func names() {
    #expect(
      KVMErrorTests.calls.map(\.description) == [
        "open(/dev/kvm)", "KVM_CREATE_VM", "KVM_CREATE_VCPU(3)", "mmap(kvm_run, 12288 bytes)",
        "KVM_GET_SUPPORTED_CPUID", "KVM_SET_CPUID2(7 entries)",
        "KVM_SET_USER_MEMORY_REGION(slot 1, 0x8000, 4096 bytes)", "KVM_SET_NR_MMU_PAGES(64)",
        "KVM_GET_REGS", "KVM_SET_REGS", "KVM_GET_SREGS",
        "KVM_SET_SREGS(CR0 0x1, CR3 0x2, CR4 0x3, EFER 0x4)", "KVM_SET_MSRS(0x277, 0x6)",
        "KVM_SET_XSAVE(PKRU 0x4)", "KVM_TRANSLATE(0x1000)", "KVM_RUN", "timer_create",
        "timer_settime",
      ])
  }
}
