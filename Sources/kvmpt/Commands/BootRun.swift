// BootRun: a kernel is booted on the machine that was chosen, and on QEMU where KVM cannot.

import Boot
import GuestMem
import MMU
import Probe

/// A kernel and the machine that it is to be booted on.
struct BootRun {
  let path: String
  let options: BootOptions
  let choice: BootMachineChoice
  /// Where what the guest prints goes; nil for the report.
  let serial: ReportDestination?

  /// Boots the kernel.
  func answer() throws(CommandFailure) -> BootAnswer {
    do throws(BootError) {
      return try booted()
    } catch {
      throw CommandFailure(error, path: path)
    }
  }

  private func booted() throws(BootError) -> BootAnswer {
    let kernel = try Self.kernel(path)
    let image = try BootImage(kernel, options)
    var made = try boot(image)
    var postMortem = PostMortem(
      made.outcome, memory: image.memory.view, first: image.firstTables, code: image.code)
    var relocation = image.relocation
    if choice.machine == .auto, let reason = Self.reasonToRepeat(made.outcome, postMortem),
      let qemu = try? QEMUBoot(path: choice.qemuPath)
    {
      // The guest has changed its memory.
      let again = try BootImage(kernel, options)
      let outcome = try qemu.run(
        again, options, output: handOn,
        isStopRequested: { Interruption.isRequested })
      made = (outcome, reason)
      postMortem = PostMortem(
        outcome, memory: again.memory.view, first: again.firstTables, code: again.code)
      relocation = again.relocation
    }
    return BootAnswer(
      outcome: made.outcome, postMortem: postMortem,
      symbols: Self.symbols(of: kernel, postMortem, made.outcome), relocation: relocation,
      change: made.change)
  }

  /// Writes what the guest prints to its file.
  private var handOn: ([UInt8]) -> Void {
    let serial = serial
    return { serial?.write(bytes: $0) }
  }

  private static func kernel(_ path: String) throws(BootError) -> KernelFile {
    do throws(KernelFileError) {
      return try KernelFile(path: path)
    } catch {
      throw .kernel(error)
    }
  }

  private func boot(
    _ image: borrowing BootImage
  ) throws(BootError) -> (outcome: BootOutcome, change: String?) {
    var change: String?
    if choice.machine != .qemu {
      do throws(BootError) {
        let kvm = try KVMBoot(devicePath: choice.devicePath)
        return (
          try kvm.run(
            image, options, output: handOn,
            isStopRequested: { Interruption.isRequested }), nil
        )
      } catch {
        guard choice.machine == .auto, case .machine(let problem) = error,
          problem.meansNoMachine
        else { throw error }
        change = problem.message
      }
    }
    let qemu = try QEMUBoot(path: choice.qemuPath)
    return (
      try qemu.run(
        image, options, output: handOn,
        isStopRequested: { Interruption.isRequested }), change
    )
  }

  /// Why what KVM did is no answer; nil when it is one.
  private static func reasonToRepeat(_ outcome: BootOutcome, _ postMortem: PostMortem) -> String? {
    switch outcome.end {
    case .cannotExecute:
      let name = InstructionName.of(postMortem.instructionBytes) ?? "the instruction"
      let place = postMortem.instruction.map { " at \(HexadecimalNumber($0))" } ?? ""
      return "KVM of this host cannot execute \(name)\(place)"
    case .machineError(let number):
      return "KVM of this host gave up with the number \(number)"
    case .tripleFault where outcome.areRegistersErased && outcome.registers == nil:
      return "KVM of this host erases the registers at a triple fault"
    case .halted where outcome.waitsForInterrupt:
      return "the kernel waits for an interrupt, and the machine under KVM has none"
    default: return nil
    }
  }

  private static func symbols(
    of kernel: borrowing KernelFile, _ postMortem: PostMortem, _ outcome: BootOutcome
  ) -> [UInt64: SymbolPlace] {
    var result: [UInt64: SymbolPlace] = [:]
    let addresses = [
      postMortem.instruction, postMortem.access?.diagnosis.question.address,
      outcome.registers?.rip,
    ]
    for address in addresses.compactMap(\.self) { result[address] = kernel.symbol(at: address) }
    return result
  }
}

extension CommandFailure {
  /// A kernel that could not be booted at all.
  init(_ error: BootError, path: String) {
    switch error {
    case .kernel(let problem):
      self.init(
        .badInput, "cannot boot \(quoted(path)): \(problem.message)", hint: problem.hint)
    case .layout(let problem):
      let status: ExitStatus =
        switch problem {
        case .invalidMemorySize, .invalidCommandLine, .noPVHEntry: .usage
        case .memory, .frames, .tables: .internalError
        default: .badInput
        }
      self.init(status, "cannot boot \(quoted(path)): \(problem.message)", hint: problem.hint)
    case .machine(let problem):
      self.init(
        problem.meansNoMachine ? .noKVM : .internalError, problem.message, hint: problem.hint)
    }
  }
}
