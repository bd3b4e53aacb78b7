// Accesses of every size: which bytes of a value an exit tells.

import CKVM
import CLinux
import KVM
import MMU
import TestHosts
import TestImages
import Testing

@Suite(
  "An exit tells as many bytes as the guest moved", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct AccessSizeTests {
  private static let limit: Duration = .seconds(300)
  // mov $0xf1f2f3f4, %eax
  private static let load: [UInt8] = [0xb8, 0xf4, 0xf3, 0xf2, 0xf1]

  @Test(
    "Ports, written and read",
    arguments: [([0xe6, 0x42], 1), ([0x66, 0xe7, 0x42], 2), ([0xe7, 0x42], 4)] as [([UInt8], UInt8)]
  )
  func ports(_ out: [UInt8], _ byteCount: UInt8) throws {
    // The same opcode with bit 1 clear reads.
    var input = out
    input[input.count - 2] &= ~2
    // Behind a write of four bytes, whose upper ones still stand where KVM left them.
    let guest = try TestGuest(
      code: Self.load + [0xe7, 0x43] + [0xb8, 0x01, 0x02, 0x03, 0x04] + out + input + [0xf4])
    let first = try guest.cpu.run(limit: Self.limit)
    #expect(first == .portWrite(port: 0x43, byteCount: 4, value: 0xf1f2_f3f4))
    let second = try guest.cpu.run(limit: Self.limit)
    let mask: UInt64 = (1 << (8 * UInt64(byteCount))) - 1
    #expect(
      second == .portWrite(port: 0x42, byteCount: byteCount, value: 0x0403_0201 & mask))
    let exit = try guest.cpu.run(limit: Self.limit)
    #expect(exit == .portRead(port: 0x42, byteCount: byteCount))
  }

  @Test(
    "Memory that is not there, written and read",
    arguments: [
      ([0x88], 1), ([0x66, 0x89], 2), ([0x89], 4), ([0x48, 0x89], 8),
    ] as [([UInt8], UInt8)])
  func absentMemory(_ store: [UInt8], _ byteCount: UInt8) throws {
    // mov $0xf1f2f3f4f5f6f7f8, %rax; mov %rax, 0x200020 in that size; mov 0x200020, %rax; hlt
    let place: [UInt8] = [0x04, 0x25, 0x20, 0, 0x20, 0]
    var fetch = store
    fetch[fetch.count - 1] |= 2
    let guest = try TestGuest(
      code: [0x48, 0xb8, 0xf8, 0xf7, 0xf6, 0xf5, 0xf4, 0xf3, 0xf2, 0xf1] + store + place + fetch
        + place + [0xf4])
    let address = GuestPhysicalAddress(truncating: 0x4000_0020)
    let mask: UInt64 = byteCount == 8 ? .max : (1 << (8 * UInt64(byteCount))) - 1
    let write = try guest.cpu.run(limit: Self.limit)
    #expect(
      write
        == .mmioWrite(
          address: address, byteCount: byteCount, value: 0xf1f2_f3f4_f5f6_f7f8 & mask))
    let read = try guest.cpu.run(limit: Self.limit)
    #expect(read == .mmioRead(address: address, byteCount: byteCount))
    guest.cpu.answerMMIORead(0x0102_0304_0506_0708)
    let end = try guest.cpu.run(limit: Self.limit)
    #expect(end == .halted)
    // Four bytes clear the upper half of the register, one and two leave the rest.
    let kept: UInt64 = byteCount >= 4 ? 0 : 0xf1f2_f3f4_f5f6_f7f8 & ~mask
    let value = try guest.cpu.registers().rax
    #expect(value == 0x0102_0304_0506_0708 & mask | kept)
  }

  @Test("Every exit has its own name")
  func names() {
    let address = GuestPhysicalAddress(truncating: 0)
    let names: [(Exit, String)] = [
      (.portWrite(port: 0, byteCount: 1, value: 0), "port-write"),
      (.portRead(port: 0, byteCount: 1), "port-read"),
      (.mmioWrite(address: address, byteCount: 1, value: 0), "mmio-write"),
      (.mmioRead(address: address, byteCount: 1), "mmio-read"), (.halted, "halted"),
      (.shutdown, "shutdown"), (.entryFailed(hardwareReason: 0), "entry-failed"),
      (.internalError(suberror: 0), "internal-error"), (.timeLimitReached, "time-limit-reached"),
      (.other(reason: 0), "other-exit"),
    ]
    for (exit, name) in names { #expect(exit.id == name) }
  }
}
