// What is made of what the kernel and CPUID say, without any guest.

import CLinux
import Glibc
import MMU
import Testing

@testable import KVM

@Suite("Each fact about a host is read from its own bit, line or number")
struct HostFactTests {
  @Test("A device is KVM when it speaks version 12 and has user memory")
  func versions() throws {
    for version in -1...20 as ClosedRange<Int64> {
      for userMemory in [-1, 0, 1, 2] as [Int64] {
        var found: KVMError?
        do throws(KVMError) {
          try Device.checkKVM(version: version, userMemory: userMemory, path: "/p")
        } catch {
          found = error
        }
        let expected: KVMError? =
          version < 0
          ? .notKVM(path: "/p")
          : version != 12
            ? .wrongAPIVersion(version, path: "/p") : userMemory > 0 ? nil : .notKVM(path: "/p")
        #expect(found == expected, "\(version) \(userMemory)")
      }
    }
  }

  @Test("A limit is that many nanoseconds, at least one and at most a year")
  func limits() {
    let year: Int64 = 31_536_000
    for (limit, expected) in [
      (.zero, 1), (.nanoseconds(1), 1), (.nanoseconds(2), 2), (.microseconds(7), 7000),
      (.milliseconds(1500), 1_500_000_000), (.seconds(3), 3_000_000_000),
      (.seconds(year - 1), 31_535_999_000_000_000), (.seconds(year), 31_536_000_000_000_000),
      (.seconds(year + 1), 31_536_000_000_000_000), (.seconds(Int64.max), 31_536_000_000_000_000),
      (.seconds(18_446_744_074), 31_536_000_000_000_000), (.seconds(-5), 1),
      (.nanoseconds(-5), 1),
    ] as [(Duration, UInt64)] {
      #expect(KickTimer.nanoseconds(until: limit) == expected, "\(limit)")
    }
  }

  @Test("Who walks the tables is told by the modules that are there, PVM first, then Intel's")
  func walkers() {
    let values: [String?] = ["Y", "1", "N", "0", "y", "", "2", nil]
    for ept in values {
      for npt in values {
        #expect(TableWalker.of(isPVMLoaded: true, ept: ept, npt: npt) == .pvm)
        let expected: TableWalker =
          ["Y", "1"].contains(ept)
          ? .ept
          : ["N", "0"].contains(ept)
            ? .shadowPaging
            : ["Y", "1"].contains(npt) ? .npt : ["N", "0"].contains(npt) ? .shadowPaging : .unknown
        #expect(TableWalker.of(isPVMLoaded: false, ept: ept, npt: npt) == expected)
      }
    }
    #expect(TableWalker.allCases.filter(\.isShadowing) == [.shadowPaging, .pvm, .unknown])
    #expect(Set(TableWalker.allCases.map(\.name)).count == TableWalker.allCases.count)
    #expect(TableWalker.ept.name.contains("EPT") && TableWalker.npt.name.contains("NPT"))
    #expect(TableWalker.tcg.name.contains("TCG") && TableWalker.pvm.name.contains("PVM"))
  }

  @Test("An emulator is told by its signature, or by its processor's name")
  func processors() {
    for (signature, name, expected) in [
      ("TCGTCGTCGTCG", "", .qemuTCG), ("TCGTCGTCGTCG", "Intel", .qemuTCG),
      (nil, "QEMU TCG CPU version 2.5+", .qemuTCG), ("KVMKVMKVM\0\0\0", "Intel", .silicon),
      (nil, "Intel QEMU TCG CPU", .silicon), (nil, "QEMU Virtual CPU", .silicon),
      (nil, "", .silicon),
    ] as [(String?, String, HostProcessor)] {
      #expect(HostProcessor.of(signature: signature, processorName: name) == expected)
    }
    // The name stands in EBX, ECX and EDX, where bit 31 of the features says that there is one.
    var registers = clinux_cpuid_registers()
    registers.eax = 0x4141_4141
    registers.ebx = 0x5447_4354
    registers.ecx = 0x4354_4743
    registers.edx = 0x4743_5447
    for bit in 0..<32 as Range<UInt32> {
      #expect((HostProcessor.signature(features: 1 << bit, registers) != nil) == (bit == 31))
      #expect((HostProcessor.signature(features: ~(1 << bit), registers) != nil) == (bit != 31))
    }
    var letters = clinux_cpuid_registers()
    letters.ebx = 0x4443_4241
    letters.ecx = 0x4847_4645
    letters.edx = 0x4c4b_4a49
    #expect(HostProcessor.signature(features: 1 << 31, letters) == "ABCDEFGHIJKL")
    #expect(HostProcessor.silicon.remark.isEmpty)
    #expect(HostProcessor.qemuTCG.remark == ", emulated by QEMU TCG")
  }

  @Test("Flags of the host's processor are words of its line in /proc/cpuinfo")
  func flags() {
    // Every processor of 64 bits has a floating-point unit, a time stamp and long mode.
    for flag in ["fpu", "tsc", "lm", "nx"] { #expect(hostProcessorHas(flag: flag), "\(flag)") }
    for flag in ["", "f", "fpu tsc", "no_such_flag", "flags"] {
      #expect(!hostProcessorHas(flag: flag), "\(flag)")
    }
    #expect(!hostKernelRelease().isEmpty && hostKernelRelease().first?.isNumber == true)
  }

  @Test("Timers go with their owners: more of them than a process may have at once")
  func timers() throws {
    for _ in 0..<200_000 {
      let timer = try KickTimer()
      try timer.arm(limit: .seconds(1000))
      timer.disarm()
    }
  }

  @Test("A file of keys has the value behind the first colon of the line with the key")
  func systemFiles() throws {
    let path = "/tmp/kvmpt-facts-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    // SAFETY: the stream is checked for null, and closed below; the strings live for the calls.
    guard let stream = unsafe fopen(path, "w") else {
      Issue.record("no file at \(path)")
      return
    }
    defer { _ = unsafe unlink(path) }
    let text = "first line\nflags without\nflags\t:   a b:c\nflags : later\nother: x\n"
    unsafe fputs(text, stream)
    unsafe fclose(stream)
    #expect(SystemFile.firstLine(path) == "first line")
    #expect(SystemFile.value(ofKey: "flags", in: path) == "a b:c")
    #expect(SystemFile.value(ofKey: "other", in: path) == "x")
    #expect(SystemFile.value(ofKey: "absent", in: path) == nil)
    #expect(SystemFile.exists(path) && !SystemFile.exists(path + "x"))
    #expect(SystemFile.firstLine(path + "x") == nil)
    #expect(SystemFile.value(ofKey: "flags", in: path + "x") == nil)
  }

  @Test("A page that cannot be mapped is an error of the call, with its number")
  func unmappable() {
    #expect(throws: KVMError.call(.mapRunStructure(byteCount: 12288), errorNumber: EBADF)) {
      _ = try SharedRun(descriptor: -1, byteCount: 12288)
    }
  }

  @Test("Every error number has the name that the kernel's headers give it")
  func errorNames() {
    let names: [Int32: String] = [
      1: "EPERM", 2: "ENOENT", 4: "EINTR", 5: "EIO", 6: "ENXIO", 7: "E2BIG", 9: "EBADF",
      11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST",
      19: "ENODEV", 20: "ENOTDIR", 21: "EISDIR", 22: "EINVAL", 23: "ENFILE", 24: "EMFILE",
      25: "ENOTTY", 27: "EFBIG", 28: "ENOSPC", 30: "EROFS", 38: "ENOSYS", 75: "EOVERFLOW",
      95: "EOPNOTSUPP",
    ]
    for number in 0..<140 as Range<Int32> {
      let error = SystemErrorName(number)
      #expect(error.name == names[number] ?? "errno \(number)")
      #expect((error.description == error.name) == (names[number] == nil))
      #expect(error.number == number)
    }
  }

  @Test("Hints of their own have these calls with these errors, and no others")
  func hints() {
    let general = "see what the kernel says"
    let words: [(KVMCall?, Int32, String)] = [
      (.createVirtualMachine, 16, "another hypervisor"), (.run, 11, "limit of processes"),
      (.createVirtualMachine, 11, "limit of processes"), (.createTimer, 11, "ulimit -i"),
      (nil, 24, "ulimit -n"), (nil, 23, "file descriptors"), (nil, 12, "no memory left"),
    ]
    let region = KVMCall.setMemoryRegion(slot: 0, guestPhysicalAddress: 0, byteCount: 0)
    let registers = KVMCall.setSpecialRegisters(cr0: 0, cr3: 0, cr4: 0, efer: 0)
    let own =
      words + [
        (region, 17, "overlaps another"), (region, 22, "page-aligned"),
        (registers, 22, "paging mode"),
      ]
    for call in [
      .createVirtualMachine, .run, .createTimer, .setTimer, .getRegisters, region, registers,
    ] as [KVMCall] {
      for number in 1...100 as ClosedRange<Int32> {
        let expected =
          own.first { $0.1 == number && ($0.0 == nil || $0.0 == call) }?.2 ?? general
        #expect(call.hint(errorNumber: number).contains(expected), "\(call) \(number)")
      }
    }
  }
}
