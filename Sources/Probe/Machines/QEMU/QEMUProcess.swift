// QEMUProcess: the owner of one running QEMU.

internal import CLinux
import GuestMem
import MMU

/// A QEMU whose firmware is a ROM of ours, ended with its owner.
package struct QEMUProcess: ~Copyable {
  /// The connection to it.
  package let monitor: QEMUMonitor
  private let id: Int64
  private let path: String
  private let errorFile: CInt

  /// Starts QEMU with the agent, the RAM in `memory` and the ROM in `rom`.
  ///
  /// - Throws: ``QEMUError/cannotStart(path:errorNumber:)``.
  init(
    _ settings: QEMUSettings, memory: QEMUMemory, rom: [UInt8]
  ) throws(QEMUError) {
    try self.init(path: settings.path, rom: rom, keeping: [memory.fileDescriptor]) {
      romFile, monitor in
      settings.arguments(
        memoryByteCount: memory.byteCount, memoryFile: memory.fileDescriptor, romFile: romFile,
        monitor: monitor)
    }
  }

  /// Starts the QEMU at `path` with what `arguments` makes of the descriptors of the ROM's file and of
  /// the monitor; the descriptors `kept` stay open in it, too.
  ///
  /// - Throws: ``QEMUError/cannotStart(path:errorNumber:)``.
  package init(
    path: String, rom: [UInt8], keeping kept: [CInt],
    arguments: (_ romFile: CInt, _ monitor: CInt) -> [String]
  ) throws(QEMUError) {
    self.path = path
    func checked(_ result: Int64) throws(QEMUError) -> CInt {
      guard result >= 0 else {
        throw .cannotStart(path: path, errorNumber: Int32(-result))
      }
      return CInt(truncatingIfNeeded: result)
    }
    // SAFETY: the name is a literal, which is zero-terminated and outlives the call.
    let romFile = try checked(unsafe clinux_memory_file("kvmpt-rom"))
    defer { _ = clinux_close(romFile) }
    // SAFETY: the buffer holds as many bytes as are written.
    _ = try checked(
      unsafe rom.withUnsafeBytes {
        unsafe clinux_write(romFile, $0.baseAddress, UInt64($0.count))
      })
    var ends: [CInt] = [-1, -1]
    // SAFETY: the array has room for both ends.
    _ = try checked(
      unsafe ends.withUnsafeMutableBufferPointer {
        unsafe clinux_socket_pair($0.baseAddress)
      })
    defer { _ = clinux_close(ends[1]) }
    let monitor = QEMUMonitor(owning: ends[0])
    // SAFETY: as above.
    let errorFile = try checked(unsafe clinux_memory_file("kvmpt-qemu-errors"))
    let id = ChildLauncher.shared.start(
      ChildRequest(
        path: path, arguments: arguments(romFile, ends[1]), errorOutput: errorFile,
        keptDescriptors: kept + [romFile, ends[1]]))
    guard id > 0 else {
      _ = clinux_close(errorFile)
      throw .cannotStart(path: path, errorNumber: Int32(-id))
    }
    self.monitor = monitor
    self.id = id
    self.errorFile = errorFile
  }

  deinit {
    clinux_end_child(id)
    _ = clinux_close(errorFile)
  }

  /// The processor time that QEMU has used, or nil when the host does not say.
  func processorTime() -> Duration? {
    let nanoseconds = clinux_child_processor_time(id)
    return nanoseconds >= 0 ? .nanoseconds(nanoseconds) : nil
  }

  /// The exit code of a QEMU that has ended by itself, or nil when it was killed or has not ended
  /// until the deadline.
  package func exitCode(deadline: ContinuousClock.Instant) -> Int? {
    while true {
      let status = clinux_peek_end(id)
      if status > 0 { return (status - 1) & 0x7f == 0 ? Int((status - 1) >> 8 & 0xff) : nil }
      guard status == 0, ContinuousClock.now < deadline else { return nil }
      pauseBriefly()
    }
  }

  /// True when QEMU wrote something on standard error.
  package var hasComplained: Bool { !lastErrorLine().isEmpty }

  /// Why QEMU ended, to be asked once it has.
  package func reasonForEnd() -> QEMUError {
    var how = "closed its monitor"
    let deadline = ContinuousClock.now + .milliseconds(200)
    while ContinuousClock.now < deadline {
      let status = clinux_peek_end(id)
      if status > 0 {
        how = Self.words(forStatus: status - 1)
        break
      }
      pauseBriefly()
    }
    return .ended(path: path, how: how, reason: lastErrorLine())
  }

  /// Source: wait(2), WIFSIGNALED and WEXITSTATUS.
  private static func words(forStatus status: Int64) -> String {
    let signal = status & 0x7f
    return signal == 0
      ? "ended with exit code \(status >> 8 & 0xff)" : "was killed by signal \(signal)"
  }

  private func lastErrorLine() -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    // SAFETY: the buffer has room for as many bytes as are asked for.
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe clinux_read_at(errorFile, $0.baseAddress, UInt64($0.count), 0)
    }
    let text = String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
  }
}
