// ProgramRun: the built program, run as a user runs it.

import Glibc
import Testing

@testable import kvmpt

/// The outcome of one run of the `kvmpt` program that stands beside the tests.
struct ProgramRun {
  let exitCode: Int32
  let output: String
  let errors: String

  /// The folder of the running test program, where the build also puts `kvmpt`.
  static let program: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    // SAFETY: the buffer is larger than the count given, so that a 0 always ends it.
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = String(
      decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/kvmpt"
  }()

  /// Arguments with a time limit for hangs where they are of a whole run of verify without one.
  private static func bounded(_ arguments: [String]) -> [String] {
    guard arguments.first == "verify", arguments.count > 1,
      !arguments.contains(where: { ["--timeout", "--help", "-h"].contains($0) })
    else { return arguments }
    return arguments + ["--timeout", "30m"]
  }

  /// Runs the program with nothing but `environment` in its environment.
  ///
  /// A run of verify for which `arguments` have no time limit gets one for hangs: how long it takes
  /// says how busy the host is. Changes that the program prints are made to a copy and must hold,
  /// unless `replays` is false. `meanwhile` is called once with the running program's identifier.
  /// Another program than kvmpt is one that is needed to start it.
  init(
    _ arguments: [String], program: String = Self.program, environment: [String] = [],
    outputPath: String? = nil, replays: Bool = true,
    meanwhile: (pid_t) -> Void = { _ in }
  ) throws {
    let outputFile = try TemporaryFile()
    let errorFile = try TemporaryFile()
    // SAFETY: the actions are initialized here, used by the one call below, and destroyed after it.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    // SAFETY: as above. The threads of a test run block signals, which a shell does not.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    unsafe sigemptyset(&noSignals)
    unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let chosen = outputPath ?? outputFile.path
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, chosen, O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errorFile.path, O_WRONLY, 0)
    let words = [program] + Self.bounded(arguments)
    // SAFETY: the copies live until they are freed after the call; both lists end with null.
    var argumentList = unsafe words.map { unsafe strdup($0) } + [nil]
    var environmentList = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer { unsafe (argumentList + environmentList).forEach { unsafe free($0) } }
    var child: pid_t = 0
    let code = unsafe posix_spawn(
      &child, program, &actions, &attributes, &argumentList, &environmentList)
    try #require(code == 0, "cannot start \(program): \(systemMessage(code))")
    meanwhile(child)
    var status: Int32 = 0
    // SAFETY: `status` outlives the call.
    while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
    // A signal's number is in the low bits; otherwise the code is in the next byte.
    exitCode = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    output = try outputFile.text()
    errors = try errorFile.text()
    if replays && program == Self.program && outputPath == nil {
      try CureReplay.replay(arguments, output: output)
    }
  }
}

/// A file that is removed at the end of its life.
final class TemporaryFile {
  let path: String

  /// The name ends with `suffix`.
  init(_ content: String = "", suffix: String = "") throws {
    var template = Array("/tmp/kvmpt-test-XXXXXX\(suffix)".utf8CString)
    // SAFETY: the template ends with a 0 and is changed in place; the suffix is a part of it.
    let descriptor = unsafe mkstemps(&template, Int32(suffix.utf8.count))
    try #require(descriptor >= 0)
    path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let bytes = Array(content.utf8)
    // SAFETY: the kernel reads as many bytes as the array has.
    let written = unsafe bytes.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    close(descriptor)
    try #require(written == bytes.count)
  }

  deinit {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    unsafe unlink(path)
  }

  func text() throws -> String {
    String(decoding: try InputFile.bytes(of: path, byteLimit: 16 << 20), as: UTF8.self)
  }
}
