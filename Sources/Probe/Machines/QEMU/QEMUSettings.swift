// QEMUSettings: which QEMU, and with which arguments.

internal import CLinux
internal import Glibc

/// The program and the processor that it is to be.
package struct QEMUSettings: Hashable, Sendable {
  /// The path of the program.
  let path: String
  /// MAXPHYADDR of the guest, 32 to 52.
  let physicalAddressWidth: UInt8

  /// The program's usual name.
  package static let standardName = "qemu-system-x86_64"

  /// The path of `name` on PATH, or `name` itself when it has a slash.
  ///
  /// - Throws: ``QEMUError/notFound(name:)``, ``QEMUError/notExecutable(path:)``.
  package static func find(_ name: String) throws(QEMUError) -> String {
    func isExecutable(_ path: String) -> Bool {
      // SAFETY: the string outlives the call.
      unsafe path.withCString { unsafe clinux_is_executable($0) }
    }
    if name.contains("/") {
      guard !name.contains("\0"), isExecutable(name) else { throw .notExecutable(path: name) }
      return name
    }
    guard !name.isEmpty, !name.contains("\0") else {
      throw .notFound(name: "program without a name")
    }
    // SAFETY: nobody changes the environment while it is read.
    let list = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
    for folder in list.split(separator: ":") where isExecutable("\(folder)/\(name)") {
      return "\(folder)/\(name)"
    }
    throw .notFound(name: name)
  }

  /// A machine without devices, whose RAM is a memory file and whose firmware is our ROM.
  ///
  /// With `-no-reboot` and `-no-shutdown` a triple fault stops the machine and is an event. The
  /// processor is an Intel one, because the software MMU ignores bit 8 of a PML4E as Intel's does.
  /// Room for a second processor makes the emulator treat locked operations as such; with one only
  /// it splits them into a read and a write.
  func arguments(
    memoryByteCount: UInt64, memoryFile: CInt, romFile: CInt, monitor: CInt
  ) -> [String] {
    [
      "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-no-shutdown",
      "-object",
      "memory-backend-file,id=ram,size=\(memoryByteCount),mem-path=/proc/self/fd/\(memoryFile)"
        + ",share=on",
      "-machine",
      "pc,hpet=off,acpi=off,usb=off,vmport=off,smbus=off,max-ram-below-4g=3G,memory-backend=ram",
      "-global", "i440FX-pcihost.pci-hole64-size=0",
      "-m", "\(memoryByteCount)B", "-smp", "1,maxcpus=2", "-accel", "tcg,tb-size=16",
      "-cpu", "max,vendor=GenuineIntel,phys-bits=\(physicalAddressWidth)",
      "-bios", "/proc/self/fd/\(romFile)",
      "-chardev", "socket,id=monitor,fd=\(monitor)", "-mon", "chardev=monitor,mode=control",
    ]
  }
}
