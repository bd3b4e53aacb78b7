// What is made of what the kernel and CPUID say, without any guest.

import CKVM
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
    #expect(HostProcessor.silicon.remark.isEmpty)
    #expect(HostProcessor.qemuTCG.remark == ", emulated by QEMU TCG")
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
