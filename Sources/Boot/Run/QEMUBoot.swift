// QEMUBoot: a kernel in QEMU's emulator, watched from its first instruction to its end.

import Glibc
import GuestImages
import GuestMem
import Probe

/// A QEMU program that boots kernels, each in a process of its own.
package struct QEMUBoot: Sendable {
  private let path: String

  /// How often the guest is looked at.
  private static let lookInterval: Duration = .milliseconds(10)
  /// So many equal faults in a row are a reason to look whether the guest comes back to one state.
  static let repetitionLimit = 200
  /// So many states of such a guest are looked at in a row.
  private static let stateCount = 24
  /// How long QEMU may take to answer.
  private static let answerLimit: Duration = .seconds(10)

  /// Looks for the program, a path or a name on PATH.
  ///
  /// - Throws: ``BootError/machine(_:)``.
  package init(path: String = "qemu-system-x86_64") throws(BootError) {
    do throws(QEMUError) {
      self.path = try QEMUSettings.find(path)
    } catch {
      throw .machine(.qemu(error))
    }
  }

  /// Boots a kernel and waits for its end.
  ///
  /// `output` gets what the guest writes; `isStopRequested` is asked again and again.
  ///
  /// - Throws: ``BootError/machine(_:)`` when QEMU fails.
  package func run(
    _ image: borrowing BootImage, _ options: BootOptions,
    output: @escaping ([UInt8]) -> Void = { _ in }, isStopRequested: () -> Bool = { false }
  ) throws(BootError) -> BootOutcome {
    do throws(QEMUError) {
      return try boot(image, options, GuestOutput(output), isStopRequested)
    } catch {
      throw .machine(.qemu(error))
    }
  }

  private func boot(
    _ image: borrowing BootImage, _ options: BootOptions, _ kept: GuestOutput,
    _ isStopRequested: () -> Bool
  ) throws(QEMUError) -> BootOutcome {
    guard let memoryFile = image.memory.file?.fileDescriptor, let outputFile = GrowingFile(),
      let logFile = GrowingFile()
    else { throw .cannotStart(path: path, errorNumber: EMFILE) }
    var output = kept
    let process = try QEMUProcess(
      path: path, rom: image.rom.bytes,
      keeping: [memoryFile, outputFile.descriptor, logFile.descriptor]
    ) { romFile, monitor in
      Self.arguments(
        options, memoryFile: memoryFile, romFile: romFile, monitor: monitor,
        output: outputFile.childPath, log: logFile.childPath)
    }
    switch process.monitor.waitUntilReady(deadline: .now + Self.answerLimit) {
    case .ready: break
    case .closed: throw process.reasonForEnd()
    case .silent: throw .monitorDoesNotAnswer(path: path)
    }
    let start = ContinuousClock.now
    let deadline = start + options.timeLimit
    var log = FaultLog()
    var nextLook = start + .milliseconds(2)
    process.monitor.resume()
    var end: BootEnd?
    var repetitionLimit = Self.repetitionLimit
    while end == nil {
      output.append(outputFile.next())
      log.append(logFile.next())
      switch process.monitor.nextEvent() {
      case .shutdown?:
        end = .reset
      case .closed?:
        end = try guestExit(process)
      case nil:
        let now = ContinuousClock.now
        if log.repetitionCount >= repetitionLimit {
          if try comesBack(process, image.memory) { end = .endlessFault }
          repetitionLimit *= 2
        } else if now >= deadline {
          end = .timeLimit
        } else if isStopRequested() {
          end = .interrupted
        } else if now >= nextLook {
          let registers = try registers(process)
          if let registers, registers.isHalted, !registers.areInterruptsEnabled { end = .halted }
          nextLook = .now + Self.lookInterval
        } else {
          usleep(500)
        }
      }
    }
    let duration = ContinuousClock.now - start
    var outcome = BootOutcome(
      end: end ?? .timeLimit, processor: Self.processor(options), machine: "QEMU's emulator")
    if case .longMode = image.start { outcome.initialCR2 = KVMBoot.initialCR2 }
    if case .guestExit = outcome.end {
    } else {
      process.monitor.pause()
      outcome.registers = try registers(process)
    }
    drain(outputFile) { output.append($0) }
    // A fault for ever fills its log faster than it can be read.
    if outcome.end != .endlessFault { drain(logFile) { log.append($0) } }
    if outcome.end == .reset && log.hasTripleFault { outcome.end = .tripleFault }
    outcome.faults = log
    outcome.output = output.last
    outcome.duration = duration
    return outcome
  }

  /// True when the guest is found in one state twice: with the same registers and the same memory it goes on
  /// like that for ever.
  private func comesBack(
    _ process: borrowing QEMUProcess, _ memory: borrowing GuestMemory
  ) throws(QEMUError) -> Bool {
    struct State: Hashable {
      let registers: GuestRegisters
      let digest: MemoryDigest
    }
    var seen: Set<State> = []
    for _ in 0..<Self.stateCount {
      process.monitor.pause()
      guard let registers = try registers(process), let digest = MemoryDigest(memory) else {
        process.monitor.resume()
        return false
      }
      guard seen.insert(State(registers: registers, digest: digest)).inserted else { return true }
      process.monitor.resume()
      usleep(300)
    }
    return false
  }

  private static func processor(_ options: BootOptions) -> ProcessorModel {
    ProcessorModel(physicalAddressWidth: options.physicalAddressWidth)
  }

  /// Hands on what a file still has; bounded, because the guest does not run any more.
  private func drain(_ file: GrowingFile, _ take: ([UInt8]) -> Void) {
    for _ in 0..<64 {
      let bytes = file.next()
      if bytes.isEmpty { return }
      take(bytes)
    }
  }

  /// The byte of the guest, in an exit code that is twice it and one more.
  ///
  /// Source: QEMU, hw/misc/debugexit.c.
  private func guestExit(_ process: borrowing QEMUProcess) throws(QEMUError) -> BootEnd {
    guard let code = process.exitCode(deadline: .now + .seconds(1)), code & 1 != 0,
      // QEMU's own failures have the code 1, and words.
      code != 1 || !process.hasComplained
    else { throw process.reasonForEnd() }
    return .guestExit(UInt8(truncatingIfNeeded: code >> 1))
  }

  /// The registers; nil where QEMU ended meanwhile, which is told as an event.
  private func registers(
    _ process: borrowing QEMUProcess
  ) throws(QEMUError) -> GuestRegisters? {
    process.monitor.printed(for: "info registers", deadline: .now + Self.answerLimit)
      .flatMap { GuestRegisters(infoRegisters: $0) }
  }

  /// A PC with a serial line, port 0xe9 and the exit port, whose firmware is our ROM.
  ///
  /// QEMU waits for the command to go on, so that no event is told before somebody listens.
  private static func arguments(
    _ options: BootOptions, memoryFile: CInt, romFile: CInt, monitor: CInt, output: String,
    log: String
  ) -> [String] {
    [
      "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-no-shutdown", "-S",
      "-object",
      "memory-backend-file,id=ram,size=\(options.memoryByteCount)"
        + ",mem-path=/proc/self/fd/\(memoryFile),share=on",
      "-machine", "pc,usb=off,vmport=off,smbus=off,max-ram-below-4g=3G,memory-backend=ram",
      "-m", "\(options.memoryByteCount)B", "-smp", "1", "-accel", "tcg,tb-size=16",
      "-cpu", "max,vendor=GenuineIntel,phys-bits=\(options.physicalAddressWidth)",
      "-bios", "/proc/self/fd/\(romFile)",
      "-chardev", "file,id=serial,path=\(output),append=on", "-device", "isa-serial,chardev=serial",
      "-chardev", "file,id=debug,path=\(output),append=on",
      "-device", "isa-debugcon,iobase=0xe9,chardev=debug",
      "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
      "-d", "int,cpu_reset", "-D", log,
      "-chardev", "socket,id=monitor,fd=\(monitor)", "-mon", "chardev=monitor,mode=control",
    ]
  }
}

extension BootImage {
  /// The ROM that enters this image.
  var rom: BootROM {
    let page = UInt32(truncatingIfNeeded: handoverAddress)
    let entry: UInt32
    switch start {
    case .longMode: entry = page
    case .pvh(let own): entry = own
    }
    return BootROM(entry: entry, information: page + UInt32(KVMPT_HANDOVER_INFO))
  }
}
