// ReportDestinationError: why a report is not where it should be.

import Glibc

/// Why a report could not be written.
struct ReportDestinationError: Error {
  let path: String
  /// The `errno` of the failed call.
  let code: Int32
  /// The report can be read there instead.
  var wentToStandardOutput = false
  /// The `errno` of standard output, which does not take it either.
  var standardOutputCode: Int32?

  init(path: String, code: Int32) {
    self.path = path
    self.code = code
  }

  /// The system's own words for the reason, and where the report is now.
  var reason: String {
    var text = systemMessage(code)
    if wentToStandardOutput { text += "; it went to standard output instead" }
    if let standardOutputCode {
      text += "; standard output does not take it either: \(systemMessage(standardOutputCode))"
    }
    return text
  }

  /// Nobody read the report, and somebody asked the program to stop.
  var isInterruption: Bool { code == EINTR }

  /// What to do about it.
  var hint: String {
    switch code {
    case ENOENT, ENOTDIR: "make the folder first, or name another one"
    case EISDIR: "name a file in it"
    case ENOTSUP: "a report is not written over a disk: name a file"
    case EACCES, EPERM, EROFS: "name a file in a folder that can be written to"
    case ENOSPC, EDQUOT: "make room, or name a file on another disk"
    case EFBIG: "raise the limit of the size of files (ulimit -f)"
    case ENAMETOOLONG: "give it a shorter name"
    default: "give --output a file in a folder that can be written to"
    }
  }
}
