// BootReport: what became of a kernel, and the parts that text and JSON share.

import Boot
import MMU
import Probe

/// The report about a kernel.
struct BootReport {
  let path: String
  let run: BootAnswer
  let options: BootOptions
  /// The guest's output stands in the report, and in no file of its own.
  let showsOutput: Bool

  var outcome: BootOutcome { run.outcome }
  var postMortem: PostMortem { run.postMortem }

  /// True when the guest said so itself.
  var isSuccess: Bool { outcome.end == .guestExit(options.successByte) }

  /// The program's exit code.
  var status: ExitStatus {
    switch outcome.end {
    case .guestExit: isSuccess ? .agreement : .disagreement
    case .interrupted: .interrupted
    case .cannotExecute: .noKVM
    case .machineError: .internalError
    // A guest that is at its wit's end is a bad one; of another it is only known that it ran.
    case .timeLimit: hasCause ? .disagreement : .timeLimitReached
    case .halted: outcome.waitsForInterrupt ? .noKVM : .disagreement
    case .tripleFault, .endlessFault, .reset: .disagreement
    }
  }

  /// A cause was found.
  var hasCause: Bool {
    switch postMortem.cause {
    case .stopped, .unknown: false
    default: true
    }
  }

  /// The end in words.
  var endWords: String {
    switch outcome.end {
    case .guestExit(let byte):
      "the guest reported \(isSuccess ? "success" : "a failure") with \(HexadecimalNumber(UInt64(byte)))"
    case .halted:
      outcome.waitsForInterrupt
        ? "HLT on a machine that has no interrupts" : "HLT with interrupts off"
    case .tripleFault: "triple fault"
    case .endlessFault: "one fault for ever: its handler returns, and it comes again"
    case .reset: "the guest reset the machine or turned it off"
    case .cannotExecute: "KVM of this host cannot execute \(instructionName)"
    case .machineError(let number): "KVM gave up with the number \(number)"
    case .timeLimit: "the time limit came first"
    case .interrupted: "interrupted"
    }
  }

  private var instructionName: String {
    InstructionName.of(postMortem.instructionBytes) ?? "an instruction"
  }

  /// An address with its symbol.
  func place(_ address: UInt64) -> String {
    let symbol = run.symbols[address].map { " (\(PlainText.oneLine($0.description)))" } ?? ""
    return "\(HexadecimalNumber(address))\(symbol)"
  }

  /// Bytes as two digits each.
  static func digits(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }

  /// What is said of how it is known.
  static func words(_ evidence: Evidence) -> String {
    switch evidence {
    case .told: "told by the machine"
    case .derived: "derived from registers and tables"
    case .assumed: "assumed: registers and tables fit it"
    }
  }

  /// The registers that a report shows.
  static func registers(_ registers: GuestRegisters) -> [(name: String, value: UInt64)] {
    [
      ("rip", registers.rip), ("rsp", registers.rsp), ("rflags", registers.rflags),
      ("cs", UInt64(registers.cs.selector)), ("cpl", UInt64(registers.cpl)),
      ("cr0", registers.cr0), ("cr2", registers.cr2), ("cr3", registers.cr3),
      ("cr4", registers.cr4), ("efer", registers.efer), ("gdt-base", registers.gdt.base),
      ("gdt-limit", UInt64(registers.gdt.limit)), ("idt-base", registers.idt.base),
      ("idt-limit", UInt64(registers.idt.limit)), ("tr-base", registers.tr.base),
      ("tr-limit", UInt64(registers.tr.limit)),
    ]
  }
}
