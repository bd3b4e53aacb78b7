// What machines, timers and files took from the host, counted in a process of its own.

import Glibc
import MMU
import TestHosts
import TestImages
import Testing

@testable import KVM

@Suite("What was taken from the host goes back to it, whatever happened in between")
struct ReturnedResourceTests {
  @Test(
    "The files and mappings of machines and their processors",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func machines() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<4 {
        do {
          let guest = try TestGuest(code: [0xf4])
          let exit = try guest.cpu.run(limit: .seconds(300))
          #expect(exit == .halted)
          // While they live they are there; the file of the device is closed already.
          #expect(HostText.mappings(with: "kvm-vcpu").count == 1)
          #expect(
            HostText.openFiles(with: "kvm") == ["anon_inode:kvm-vcpu:0", "anon_inode:kvm-vm"])
          let second = try guest.machine.makeVirtualCPU(identifier: 1)
          #expect(HostText.mappings(with: "kvm-vcpu").count == 2)
          #expect(HostText.openFiles(with: "kvm").count == 3)
          _ = consume second
          #expect(HostText.mappings(with: "kvm-vcpu").count == 1)
          #expect(HostText.openFiles(with: "kvm").count == 2)
          // One that cannot be made leaves nothing.
          #expect(throws: KVMError.self) { _ = try guest.machine.makeVirtualCPU(identifier: 0) }
          #expect(HostText.openFiles(with: "kvm").count == 2)
        }
        #expect(HostText.openFiles(with: "kvm") == [])
        #expect(HostText.mappings(with: "kvm-vcpu") == [])
      }
    }
  }

  @Test("A device that is refused is closed again, at whatever step that was")
  func refusedDevices() async {
    await #expect(processExitsWith: .success) {
      let before = HostText.openFiles(with: "comm", "zero", "kvm")
      // No device; a device that is not KVM; nothing; a name that is none.
      for path in ["/proc/self/comm", "/dev/zero", "/no/such", "/dev/kvm\0"] {
        for _ in 0..<8 {
          #expect(throws: KVMError.self) { _ = try Device(path: path) }
          #expect(
            HostText.openFiles(with: "comm", "zero", "kvm") == before, "\(path)")
        }
      }
    }
  }

  @Test("The page that a processor shares with KVM goes with its owner")
  func sharedPage() async {
    await #expect(processExitsWith: .success) {
      let file = TestFile(String(repeating: "x", count: 4096 * 3))
      // SAFETY: the path lives for the call and ends with a 0.
      let descriptor = unsafe open(file.path, O_RDWR)
      #expect(descriptor >= 0)
      #expect(HostText.mappings(with: file.path) == [])
      for _ in 0..<4 {
        do {
          let shared = try SharedRun(descriptor: descriptor, byteCount: 12288)
          #expect(HostText.mappings(with: file.path).count == 1)
          _ = consume shared
        }
        #expect(HostText.mappings(with: file.path) == [])
      }
      close(descriptor)
    }
  }

  @Test("Files of the system that are looked at, there or not, read or only tried")
  func systemFiles() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<8 {
        #expect(SystemFile.exists("/proc/cpuinfo") && !SystemFile.exists("/no/such/file"))
        #expect(SystemFile.exists("/proc") && SystemFile.firstLine("/proc") == nil)
        #expect(SystemFile.firstLine("/proc/sys/kernel/osrelease") != nil)
        #expect(SystemFile.value(ofKey: "no such key", in: "/proc/cpuinfo") == nil)
        _ = TableWalker.ofHost()
        _ = hostProcessorName()
        #expect(HostText.openFiles(with: "/proc", "/sys") == [])
      }
    }
  }
}
