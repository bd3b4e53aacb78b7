// RunningQEMU: a QEMU with tables in its guest's memory, for tests of sources that run.

import Foundation
import Glibc
import TestImages
import Testing

/// A QEMU whose processor has not started, or spins in the firmware, with QMP sockets and a stub.
final class RunningQEMU {
  let monitor: String
  /// A second monitor, for the test's own questions.
  let ownMonitor: String
  let stub: String
  /// A third monitor, at a port of this host: who listens there is not told.
  let remoteMonitor: String
  private let process = Process()
  private let folder: URL

  /// Starts QEMU with the bytes of `image` at physical address 0x100000.
  init(image: String, runs: Bool) throws {
    folder = URL(filePath: "/tmp/kvmpt-qemu-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    monitor = folder.appending(path: "qmp").path
    ownMonitor = folder.appending(path: "own").path
    stub = folder.appending(path: "gdb").path
    remoteMonitor = "127.0.0.1:\(try Self.freePort())"
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "64M",
        "-display",
        "none", "-nodefaults", "-no-user-config", "-serial", "none", "-monitor", "none",
        "-device", "loader,file=\(image),addr=0x100000,force-raw=on",
        "-qmp", "unix:\(monitor),server=on,wait=off", "-qmp",
        "unix:\(ownMonitor),server=on,wait=off",
        "-qmp", "tcp:\(remoteMonitor),server=on,wait=off",
        "-chardev", "socket,path=\(stub),server=on,wait=off,id=gdb0", "-gdb", "chardev:gdb0",
      ] + (runs ? [] : ["-S"])
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let deadline = ContinuousClock.now + .seconds(60)
    while !FileManager.default.fileExists(atPath: stub) || status == nil {
      try #require(ContinuousClock.now < deadline && process.isRunning, "QEMU does not start")
      usleep(20_000)
    }
  }

  deinit {
    kill()
    try? FileManager.default.removeItem(at: folder)
  }

  /// A port that nobody listens at now.
  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    // SAFETY: a sockaddr_in may be passed as a sockaddr of its size.
    let result = unsafe withUnsafeMutablePointer(to: &name) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, size) + getsockname(descriptor, $0, &size)
      }
    }
    try #require(result == 0)
    return UInt16(bigEndian: name.sin_port)
  }

  /// Ends QEMU at once, by the one signal that it cannot have blocked: it has the mask of a test's thread.
  func kill() {
    if process.isRunning { _ = Glibc.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// `running`, `paused`, `prelaunch`, …; nil where QEMU does not answer.
  var status: String? {
    guard let answer = ask("query-status") else { return nil }
    return ["prelaunch", "paused", "running", "shutdown"].first { answer.contains("\"\($0)\"") }
  }

  /// A descriptor that is connected to the socket at `path`, or nil.
  static func connection(to path: String) -> CInt? {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    // SAFETY: the path is shorter than its room.
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    // SAFETY: a sockaddr_un may be passed as a sockaddr of its size.
    let result = unsafe withUnsafePointer(to: &name) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  /// The line that answers a command without arguments.
  func ask(_ command: String) -> String? {
    guard let descriptor = Self.connection(to: ownMonitor) else { return nil }
    defer { close(descriptor) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    var text = ""
    func line(with word: String) -> String? {
      while true {
        // QMP ends lines with both characters, which are one of Swift's.
        let lines = text.replacing("\r\n", with: "\n")
          .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        if let found = lines.first(where: { $0.contains(word) }) { return String(found) }
        let data = handle.availableData
        guard !data.isEmpty else { return nil }
        text += String(decoding: data, as: UTF8.self)
      }
    }
    guard line(with: "\"QMP\"") != nil else { return nil }
    try? handle.write(contentsOf: Data("{\"execute\":\"qmp_capabilities\"}\n".utf8))
    try? handle.write(contentsOf: Data("{\"execute\":\"\(command)\",\"id\":\"own\"}\n".utf8))
    return line(with: "\"own\"")
  }
}
