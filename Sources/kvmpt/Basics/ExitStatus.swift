// ExitStatus: what the program's exit code means.

/// The exit codes, after `sysexits.h` where it has one; 124 is what `timeout` of the GNU
/// coreutils uses, and 130 what a shell reports of an interrupted program.
enum ExitStatus: Int32, CaseIterable, Sendable {
  case agreement = 0
  case disagreement = 1
  case usage = 64
  case badInput = 65
  case noKVM = 69
  case internalError = 70
  case cannotWrite = 74
  case unproved = 77
  case timeLimitReached = 124
  case interrupted = 130

  /// What the code says, for the help.
  var meaning: String {
    switch self {
    case .agreement: "everything that was asked was executed and agrees"
    case .disagreement: "asked, modelled and executed disagree"
    case .usage: "the command line is wrong"
    case .badInput: "an input file cannot be read or is wrong"
    case .noKVM: "the machine (KVM, or QEMU where it was asked for) cannot be used"
    case .internalError: "the host or its KVM fails, calibration included, or a defect of kvmpt"
    case .cannotWrite: "the report cannot be written"
    case .unproved:
      "nothing disagrees, but something is unproved (skipped, explained, lost)"
    case .timeLimitReached: "nothing disagrees, but --timeout ended the run before its end"
    case .interrupted: "interrupted, by Control-C or SIGTERM"
    }
  }

  /// The table for `--help`.
  static let table: String = {
    var text = "EXIT CODES:"
    for status in allCases {
      let code = String(status.rawValue)
      text += "\n  " + code + String(repeating: " ", count: 5 - code.count) + status.meaning
    }
    return text
  }()
}
