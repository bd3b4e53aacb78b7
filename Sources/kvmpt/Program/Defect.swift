// Defect: what a user sees of a crash, one line and an exit code.

import Glibc

/// The signals that a defect of this program ends with.
enum Defect {
  private static let signals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT]
  private static let stackByteCount = 1 << 16
  private static let text: StaticString = """
    error: kvmpt met a defect of its own and cannot go on
      hint: please report it with the command line and, if you can, its files

    """

  /// From here on a crash is one line on standard error and exit code 70.
  ///
  /// The Swift runtime may have put in handlers of its own, which print a trace of many lines
  /// (SWIFT_BACKTRACE): these take their place. A debugger sees the signal first. They run on a
  /// stack of their own, because the other one may be used up.
  static func install() {
    // SAFETY: the stack belongs to the program for as long as it runs.
    let stack = UnsafeMutableRawPointer.allocate(byteCount: stackByteCount, alignment: 16)
    var alternative = unsafe stack_t(ss_sp: stack, ss_flags: 0, ss_size: stackByteCount)
    unsafe sigaltstack(&alternative, nil)
    var action = sigaction()
    action.sa_flags = Int32(SA_ONSTACK) | Int32(bitPattern: UInt32(SA_RESETHAND))
    // The handler calls write and _exit, both safe in a signal handler, with a literal.
    unsafe action.__sigaction_handler.sa_handler = { _ in
      // SAFETY: the kernel reads as many bytes as the literal has.
      _ = unsafe write(STDERR_FILENO, Defect.text.utf8Start, Defect.text.utf8CodeUnitCount)
      _exit(ExitStatus.internalError.rawValue)
    }
    // SAFETY: the kernel copies the structure.
    for number in signals { unsafe sigaction(number, &action, nil) }
    // Control-\ is no defect.
    _ = signal(SIGQUIT, SIG_DFL)
  }
}
