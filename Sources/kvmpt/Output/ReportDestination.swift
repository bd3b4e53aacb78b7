// ReportDestination: where a report goes, standard output or a file.

import Glibc

/// A buffered output; a reader that closes a pipe early ends the output quietly.
///
/// A file appears when it is complete, in place of what stood under its name: a run that fails, or
/// is killed, leaves what was there. When a file cannot be completed, what it should hold goes to
/// standard output.
final class ReportDestination: TextOutputStream {
  /// What becomes of a report that its file does not take.
  enum Fallback {
    case standardOutput
    /// It is given up; there will be another one.
    case nothing
  }

  private enum Sink {
    case descriptor(Int32)
    case file(UnfinishedFile)
    /// Nobody takes any more.
    case lost
  }

  private let path: String
  private let fallback: Fallback
  private var sink: Sink
  /// The descriptor that has to be closed, or nil when it is inherited.
  private let opened: Int32?
  private var buffer: [UInt8] = []
  /// True when some of the report has gone where it cannot be taken back from.
  private var hasStarted = false
  private var failure: ReportDestinationError?

  private static let bufferByteCount = 1 << 16

  /// Standard output for nil and `-`.
  ///
  /// - Throws: why the report could not be written, as far as that can be told before the work.
  init(path: String?, fallback: Fallback = .standardOutput) throws(ReportDestinationError) {
    self.fallback = fallback
    let target = try OutputTarget(path)
    let name = path ?? "-"
    self.path = name == "-" ? "standard output" : name
    switch target {
    case .inherited(let descriptor):
      sink = .descriptor(descriptor)
      opened = nil
    case .stream(let path):
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
      guard descriptor >= 0 else { throw ReportDestinationError(path: name, code: errno) }
      sink = .descriptor(descriptor)
      opened = descriptor
    case .file(let path, let mode):
      do throws(ErrorNumber) {
        sink = .file(try UnfinishedFile(path: path, mode: mode))
      } catch {
        throw ReportDestinationError(path: name, code: error.code)
      }
      opened = nil
    }
  }

  deinit { if let opened { Glibc.close(opened) } }

  /// Throws why a report could not be written to `path`, and leaves everything as it is.
  static func check(path: String) throws(ReportDestinationError) {
    let code: Int32
    switch try OutputTarget(path) {
    case .inherited: return
    case .stream:
      // A pipe that is opened and closed ends for its reader.
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      if unsafe access(path, W_OK) == 0 { return }
      code = errno
    case .file(let resolved, let mode):
      do throws(ErrorNumber) {
        _ = try UnfinishedFile(path: resolved, mode: mode)
        return
      } catch {
        code = error.code
      }
    }
    throw ReportDestinationError(path: path, code: code)
  }

  /// True when a person is likely to read along.
  var isTerminal: Bool {
    if case .descriptor(let descriptor) = sink { return isatty(descriptor) == 1 }
    return false
  }

  func write(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.bufferByteCount { flush() }
  }

  /// Writes bytes that are text already.
  func write(bytes: [UInt8]) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferByteCount { flush() }
  }

  /// Writes everything, and gives the file its name; throws when the report is not where it should
  /// be, except for a reader that went away.
  func finish() throws(ReportDestinationError) {
    flush()
    if case .file(let file) = sink {
      do throws(ErrorNumber) {
        try file.publish()
      } catch {
        recover(from: error.code, file: file)
      }
      sink = .lost
    }
    if let failure, failure.code != EPIPE { throw failure }
  }

  private func flush() {
    defer { buffer.removeAll(keepingCapacity: true) }
    guard !buffer.isEmpty else { return }
    do throws(ErrorNumber) {
      switch sink {
      case .descriptor(let descriptor):
        try Interruption.write(buffer, to: descriptor)
        hasStarted = true
      case .file(let file): try file.write(buffer)
      case .lost: break
      }
    } catch {
      switch sink {
      case .descriptor(let descriptor):
        recover(from: error.code, file: nil, wasStandardOutput: descriptor == STDOUT_FILENO)
      case .file(let file): recover(from: error.code, file: file)
      case .lost: break
      }
    }
  }

  /// Goes on to standard output with what the file holds, which no longer grows, and the buffer.
  private func recover(from code: Int32, file: UnfinishedFile?, wasStandardOutput: Bool = false) {
    var problem = ReportDestinationError(path: path, code: code)
    sink = .lost
    defer { failure = problem }
    // What a device took cannot be written again; half a report is none.
    guard fallback == .standardOutput, !wasStandardOutput, !hasStarted, code != EPIPE
    else { return }
    do throws(ErrorNumber) {
      try file?.copy(to: STDOUT_FILENO)
      try writeAll(buffer[...], to: STDOUT_FILENO)
      sink = .descriptor(STDOUT_FILENO)
      hasStarted = true
      problem.wentToStandardOutput = true
    } catch {
      problem.standardOutputCode = error.code
    }
  }
}
