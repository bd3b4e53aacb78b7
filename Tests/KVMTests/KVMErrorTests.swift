// The errors of the library: each has a name, a message and a fix.

import CLinux
import KVM
import Testing

@Suite("Every error of KVM says what failed and what to do")
struct KVMErrorTests {
  static let calls: [KVMCall] = [
    .openDevice(path: "/dev/kvm"), .createVirtualMachine, .createVirtualCPU(identifier: 3),
    .mapRunStructure(byteCount: 12288), .getSupportedCPUID, .setCPUID(entryCount: 7),
    .setMemoryRegion(slot: 1, guestPhysicalAddress: 0x8000, byteCount: 4096),
    .setShadowPageCount(64), .getRegisters, .setRegisters, .getSpecialRegisters,
    .setSpecialRegisters(cr0: 1, cr3: 2, cr4: 3, efer: 4), .setMSR(index: 0x277, value: 6),
    .setPKRU(4), .translate(0x1000), .run, .createTimer, .setTimer,
  ]

  static let errors: [KVMError] =
    [
      .noDevice(path: "/p"), .noDriver(path: "/p"), .pathWithNUL("/p\0q"), .notADevice(path: "/p"),
      .permissionDenied(path: "/p"), .notKVM(path: "/p"), .wrongAPIVersion(11, path: "/p"),
      .missingCapability(name: "X"),
    ] + calls.map { .call($0, errorNumber: EINVAL) }

  @Test("Names are kebab-case, messages are one line without a full stop, and all differ")
  func forms() throws {
    for error in Self.errors {
      #expect(try /[a-z]+(-[a-z]+)*/.wholeMatch(in: error.id) != nil, "\(error.id)")
      #expect(!error.message.isEmpty && error.message.last != ".")
      #expect(!error.message.utf8.contains(0), "a NUL would cut the message short")
      #expect(error.hint.utf8.count > 10)
    }
    #expect(Set(Self.errors.map(\.id)).count == 9)
    #expect(Set(Self.errors.map(\.message)).count == Self.errors.count)
  }

  @Test("A failed call shows its name and the number's name", arguments: calls)
  func callMessage(_ call: KVMCall) {
    let message = KVMError.call(call, errorNumber: EINVAL).message
    #expect(message == "\(call) failed: EINVAL (invalid argument)")
  }

  @Test("The reasons that people meet have hints of their own")
  func hints() {
    func hint(_ call: KVMCall, _ number: Int32) -> String {
      KVMError.call(call, errorNumber: number).hint
    }
    #expect(hint(.createVirtualMachine, EBUSY).contains("another hypervisor"))
    #expect(hint(.createVirtualMachine, EMFILE).contains("ulimit -n"))
    #expect(hint(.createVirtualMachine, ENOMEM).contains("memory"))
    #expect(hint(.createTimer, EAGAIN).contains("ulimit -i"))
    #expect(hint(.run, EFAULT).contains("kvmpt doctor"))
  }

  @Test(
    "Each fault of a device is told apart",
    arguments: [
      ("/no/such/device", "no-kvm-device"), ("/dev/null/x", "no-kvm-device"),
      ("/dev/null", "not-kvm"), ("/tmp", "not-a-device"), ("/proc/self/comm", "not-a-device"),
      ("/dev/kvm\0", "path-with-nul"), ("/sys/kernel/uevent_seqnum", "kvm-permission-denied"),
    ])
  func deviceFaults(_ path: String, _ id: String) throws {
    let error = try #require(throws: KVMError.self) { _ = try Device(path: path) }
    #expect(error.id == id)
    #expect(error.message.contains(path.replacing("\0", with: "\\0")))
  }
}
