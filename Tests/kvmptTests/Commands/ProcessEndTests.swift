// What a process has beside its report: its three streams, its progress line, and its end by a
// defect. Each runs in a process of its own.

import Glibc
import Testing

@testable import kvmpt

@Suite("A process keeps its streams, closes its files, and says in one line that it met a defect")
struct ProcessEndTests {
  private static func text(_ bytes: [UInt8]?) -> String {
    String(decoding: bytes ?? [], as: UTF8.self)
  }

  /// The threads of a test run block signals, which those of the program do not.
  private static func takeSignals() {
    var none = sigset_t()
    // SAFETY: the set is a variable of this call.
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  /// The open files below 256 that lead to one of `paths` or below it, without the three streams.
  private static func openFiles(of paths: [String]) -> [String] {
    (3..<256).compactMap { number in
      var buffer = [CChar](repeating: 0, count: 4096)
      // SAFETY: the kernel writes at most as many bytes as the buffer has.
      let count = unsafe readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
      let link = String(
        decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
      return count > 0 && paths.contains { link.hasPrefix($0) } ? "\(number): \(link)" : nil
    }
  }

  @Test("What an estimate begins with is shown at once")
  func notedProgress() async throws {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let line = ProgressLine(title: "probing", isEnabled: true)
      let silent = ProgressLine(title: "silent", isEnabled: false)
      line.note(doneCount: 0, totalCount: 4)
      silent.note(doneCount: 0, totalCount: 4)
      line.finish()
      line.note(doneCount: 1, totalCount: 4)
    }
    let text = Self.text(result?.standardErrorContent)
    #expect(text == "\r\u{1b}[Kprobing: 0 of 4 (0 %)\r\u{1b}[K", "\(text.debugDescription)")
  }

  @Test("A progress line is shown after half a second and taken away once, and then no more")
  func progress() async throws {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let line = ProgressLine(title: "probing", isEnabled: true)
      let silent = ProgressLine(title: "silent", isEnabled: false)
      // Standard error of this process is no terminal.
      let standard = ProgressLine(title: "standard")
      usleep(510_000)
      line.update(doneCount: 2, totalCount: 4)
      silent.update(doneCount: 2, totalCount: 4)
      standard.update(doneCount: 2, totalCount: 4)
      line.finish()
      line.finish()
      silent.finish()
      standard.finish()
      usleep(110_000)
      line.update(doneCount: 3, totalCount: 4)
      line.finish()
      let unseen = ProgressLine(title: "unseen", isEnabled: true)
      unseen.finish()
    }
    let text = Self.text(result?.standardErrorContent)
    #expect(text == "\r\u{1b}[Kprobing: 2 of 4 (50 %)\r\u{1b}[K", "\(text.debugDescription)")
  }

  @Test("Closed streams are taken so that they fail, open ones stay, and nothing else is opened")
  func reserve() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      // The files of the streams, kept under other numbers.
      let kept = [0, 1, 2].map { fcntl($0, F_DUPFD, 100) }
      let before = Self.openFiles(of: ["/dev/null"])
      let ids = [0, 1, 2].map { FileStatus(of: $0)?.id }
      var wrong: [String] = []
      for closed in 0..<8 {
        let numbers = ([0, 1, 2] as [Int32]).filter { closed >> Int($0) & 1 != 0 }
        for number in numbers { close(number) }
        StandardStreams.reserve()
        let after = Self.openFiles(of: ["/dev/null"])
        if after != before { wrong.append("\(closed): \(after)") }
        for number in [0, 1, 2] as [Int32] {
          var byte = [UInt8(0)]
          if !numbers.contains(number) {
            if FileStatus(of: number)?.id != ids[Int(number)] { wrong.append("\(number) changed") }
            continue
          }
          if FileStatus(of: number)?.kind != .characterDevice { wrong.append("\(number)") }
          // SAFETY: the kernel reads or writes one byte, which the array has.
          let count = unsafe number == 0 ? read(number, &byte, 1) : write(number, &byte, 1)
          if count != -1 || errno != EBADF { wrong.append("\(number) takes part") }
        }
        for number in [0, 1, 2] as [Int32] { dup2(kept[Int(number)], number) }
      }
      writeToStandardError(wrong.joined(separator: "\n"))
    }
    #expect(Self.text(result?.standardErrorContent) == "")
  }

  @Test("A stack that is used up is a defect like any other: one message, and code 70")
  func usedUpStack() async throws {
    let result = await #expect(
      processExitsWith: .exitCode(70), observing: [\.standardErrorContent]
    ) {
      Defect.install()
      _ = Self.depth(of: Self.openFiles(of: []).count)
    }
    #expect(Self.text(result?.standardErrorContent) == Self.defect)
  }

  private static let defect = """
    error: kvmpt met a defect of its own and cannot go on
      hint: please report it with the command line and, if you can, its files

    """

  /// Calls itself for ever.
  @inline(never) private static func depth(of number: Int) -> Int {
    if number == .min { return 0 }
    return depth(of: number &+ 1) &* 3 ^ number
  }

  @Test(
    "Every signal of a crash is one message and code 70",
    arguments: [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT])
  func signals(_ number: Int32) async throws {
    let result = await #expect(
      processExitsWith: .exitCode(70), observing: [\.standardErrorContent]
    ) { [number = number as Int32] in
      Self.takeSignals()
      Defect.install()
      raise(number)
    }
    #expect(Self.text(result?.standardErrorContent) == Self.defect)
  }

  @Test("Control-\\ ends the program as it ends any other")
  func quit() async {
    await #expect(processExitsWith: .signal(SIGQUIT)) {
      Self.takeSignals()
      Defect.install()
      raise(SIGQUIT)
    }
  }

  @Test("Outputs and inputs are closed when they are over, whatever became of them")
  func closed() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let folder = try FullDiskTests.Folder()
      let file = "\(folder.path)/file"
      let own = [folder.path, "/dev/null", "/dev/full", "/dev/zero", "/no/such"]
      let before = Self.openFiles(of: own)
      for _ in 0..<5 {
        for path in ["/dev/null", file, "/dev/full", "/no/such/folder/file", "/tmp", "-"] {
          try? ReportDestination.check(path: path)
          guard let unfinished = try? ReportDestination(path: path, fallback: .nothing) else {
            continue
          }
          _ = unfinished.isTerminal
          if path == "-" { continue }
          if let finished = try? ReportDestination(path: path, fallback: .nothing) {
            finished.write("text")
            try? finished.finish()
          }
        }
        for path in [file, "/dev/null", "/no/such/file", "/tmp", "/dev/zero"] {
          _ = try? InputFile.bytes(of: path, byteLimit: 100)
          _ = try? InputFile.requireRegularFile(path)
        }
      }
      let after = Self.openFiles(of: own)
      if after != before { writeToStandardError("open: \(after)\n") }
      if folder.names != ["file"] { writeToStandardError("there: \(folder.names)\n") }
    }
    #expect(Self.text(result?.standardErrorContent) == "")
  }
}
