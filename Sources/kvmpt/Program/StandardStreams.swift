// StandardStreams: the numbers 0 to 2 stay what they are, even when a parent closed them.

import Glibc

/// The three descriptors that every program is started with.
enum StandardStreams {
  /// Opens `/dev/null` for those that are closed, in the direction in which it fails.
  ///
  /// Otherwise the next file to be opened would get the number, and a report meant for standard
  /// output would be written into the KVM device or into the guest's memory.
  static func reserve() {
    for number in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(number, F_GETFD) < 0 {
      // The lowest free number is given: this one, because those below it are open.
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      _ = unsafe open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}
