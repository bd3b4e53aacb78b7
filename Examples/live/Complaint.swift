// Complaint: what goes to standard error.

import Glibc

/// Prints an error.
func complain(_ message: String) {
  var text = "error: \(message)\n"
  // SAFETY: the bytes live for the call.
  _ = text.withUTF8 { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
